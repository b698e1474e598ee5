"""Payloads that are nothing, too much, or not JSON."""

from collections.abc import Callable
from time import process_time

import pytest

Refusal = Callable[..., tuple[str, str]]
CALL = b'{"type":"track","event":"Cart Viewed","messageId":"m","userId":"c","properties":{"a":%s}}'


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b"\x00\x00\x00\x00\x07", "empty"),
        (b" ", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"{", "not_json"),
        (b"\xef\xbb\xbf{}", "not_json"),
        (b'{"a": NaN}', "not_json"),
        (b'{"a": 1e999}', "out_of_range"),
        (b'{"a": ' + b"9" * 5000 + b"}", "out_of_range"),
        (b"[]", "not_an_object"),
        (b"null", "not_an_object"),
        (b"7", "not_an_object"),
        (b"{}", "unknown_envelope"),
        (b'{"type": 5}', "unknown_envelope"),
        (b'{"a": "' + b"x" * 262_144 + b'"}', "too_large"),
        (b"[" * 100_000, "too_deep"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "too_deep"),
        (CALL % (b"[" * 40 + b"]" * 40), "too_deep"),
    ],
)
def test_what_cannot_be_read_has_its_reason(refusal: Refusal, payload: bytes | None, reason: str) -> None:
    assert refusal(payload)[0] == reason


def test_brackets_inside_of_strings_do_not_nest(
    send: Callable[..., list[object]], event: Callable[..., object]
) -> None:
    assert event(CALL % (b'"' + b"[" * 100 + b'\\"' + b"{" * 100 + b'"'))
    assert event(CALL % (b"[" * 30 + b"]" * 30))


def test_many_brackets_side_by_side_do_not_nest(event: Callable[..., object]) -> None:
    assert event(CALL % (b"[" + b",".join([b"[]"] * 100) + b"]"))


def test_the_prefix_of_a_schema_registry_is_passed_over(event: Callable[..., object]) -> None:
    assert event(b"\x00\x00\x00\x00\x07" + CALL % b"1")


def test_a_lone_surrogate_is_named(refusal: Refusal) -> None:
    payload = b'{"type":"track","event":"Cart Viewed","messageId":"m","userId":"a\\ud800"}'
    assert refusal(payload) == ("bad_text", "userId")


@pytest.mark.parametrize(
    "payload",
    [
        b'{"batch":[' + b"{}," * 80_000 + b"{}]}",
        b"[" * 262_144,
        b'"' * 262_144,
        b'{"a":"' + b"\\u" * 100_000,
        b"{" + b",".join(b'"k%d":1' % number for number in range(20_000)) + b"}",
        CALL % (b"[" + b",".join([b'{"":[]}'] * 30_000) + b"]"),
    ],
)
def test_the_worst_payload_costs_less_than_a_second(
    send: Callable[..., list[object]], payload: bytes
) -> None:
    begun = process_time()
    send(payload)
    assert process_time() - begun < 1
