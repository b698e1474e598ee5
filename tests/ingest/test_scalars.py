"""Ids, labels, texts, counts and times."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.event import Reason
from streamproc.ingest.refusal import Refused
from streamproc.ingest.scalars import count, identifier, label, plain_ids, single_value, text
from streamproc.ingest.times import instant_ms


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("c-17", "c-17"),
        (" c-17 ", "c-17"),
        (17, "17"),
        (2**53 - 1, "9007199254740991"),
        (0, ""),
        ("", ""),
        (None, ""),
        ("  ", ""),
        ("a" * 128, "a" * 128),
        ("c@shop.example", "c@shop.example"),
    ],
)
def test_an_id_is_trimmed_text_or_the_text_of_an_integer(value: str | int | None, wanted: str) -> None:
    assert identifier(value, "id") == wanted


@pytest.mark.parametrize("value", ["a b", "a\nb", "a\n", "\u00fc", "a\u0000", "\x7f", "a" * 129, "\u200b"])
def test_other_text_is_no_id(value: str) -> None:
    with pytest.raises(Refused) as refused:
        identifier(value, "id")
    assert refused.value.reason is Reason.BAD_TEXT


@given(st.text())
def test_an_id_is_128_printable_ascii_characters_or_refused(value: str) -> None:
    found, reason = "", Reason.BAD_TEXT
    try:
        found = identifier(value, "id")
    except Refused as refused:
        reason = refused.reason
    assert reason is Reason.BAD_TEXT
    assert len(found) <= 128
    assert all("\x21" <= char <= "\x7e" for char in found)


@pytest.mark.parametrize("odd", ["a b", "a\nb", "\u00fc", "\x7f", "a" * 129, "", None, 5])
def test_one_id_that_is_not_plain_has_each_of_three_looked_at_alone(odd: str | int | None) -> None:
    assert [plain_ids(odd, "b", "c"), plain_ids("a", odd, "c"), plain_ids("a", "b", odd)] == [None] * 3


def test_three_plain_ids_need_no_second_look() -> None:
    assert plain_ids("m-1", "c-17", "a" * 121) == ("m-1", "c-17", "a" * 121)
    assert plain_ids("m-1", "c-17", "a" * 122) is None


@pytest.mark.parametrize("value", [True, False, 1, 0, 1.5, "1"])
def test_a_single_value_keeps_its_type(value: str | float) -> None:
    kept = single_value(value, "further")
    assert (type(kept), kept) == (type(value), value)


def test_a_thing_may_have_spaces_and_letters_of_any_alphabet_in_its_id() -> None:
    assert label(" Gr\u00f6\u00dfe 42 ", "item_id") == "Gr\u00f6\u00dfe 42"
    with pytest.raises(Refused):
        label("a\tb", "item_id")


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("a\r\nb", "a  b"),
        ("abc\u202egnp", "abcgnp"),
        ("  \t ", None),
        ("\u00c4 \U0001f9e5", "\u00c4 \U0001f9e5"),
        (None, None),
    ],
)
def test_text_loses_what_could_break_a_header_or_turn_a_sentence(
    value: str | None, wanted: str | None
) -> None:
    assert text(value, "name") == wanted


@given(st.text())
def test_text_is_bounded_and_has_no_control_characters(value: str) -> None:
    try:
        found = text(value, "name", 10) or ""
    except Refused:
        assert "\x00" in value
    else:
        assert len(found) <= 10
        assert not any(char < " " or "\x7f" <= char < "\xa0" for char in found)


@pytest.mark.parametrize(
    ("value", "wanted"), [(3, 3), (3.0, 3), ("3", 3), ("3.0", 3), ("", None), (None, None)]
)
def test_a_count_is_a_whole_number_in_any_dress(value: float | str | None, wanted: int | None) -> None:
    assert count(value, "quantity", 0, 10) == wanted


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (1.5, Reason.WRONG_TYPE),
        ("many", Reason.WRONG_TYPE),
        (11, Reason.OUT_OF_RANGE),
        (-1, Reason.OUT_OF_RANGE),
        (10**400, Reason.OUT_OF_RANGE),
        (1e300, Reason.OUT_OF_RANGE),
    ],
)
def test_a_count_out_of_bounds_is_refused(value: float | str, reason: Reason) -> None:
    with pytest.raises(Refused) as refused:
        count(value, "quantity", 0, 10)
    assert refused.value.reason is reason


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-01T00:00:00.123Z",
        "2026-01-01T01:00:00.123+01:00",
        "2025-12-31 14:00:00.123-10:00",
        "20260101T000000.123Z",
        1_767_225_600_123,
    ],
)
def test_one_instant_has_many_spellings(value: str | int) -> None:
    assert instant_ms(value, "at") == 1_767_225_600_123


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("2026-01-01T00:00:00", Reason.WRONG_TYPE),
        ("2026-01-01", Reason.WRONG_TYPE),
        ("noon", Reason.WRONG_TYPE),
        ("2026-13-01T00:00:00Z", Reason.WRONG_TYPE),
        ("1" * 10_000, Reason.WRONG_TYPE),
        ("0001-01-01T00:00:00+14:00", Reason.OUT_OF_RANGE),
        ("1969-12-31T23:59:59Z", Reason.OUT_OF_RANGE),
        (1_767_225_600, Reason.OUT_OF_RANGE),
        (-5, Reason.OUT_OF_RANGE),
        (10**400, Reason.OUT_OF_RANGE),
    ],
)
def test_a_time_without_zone_or_sense_is_refused(value: str | int, reason: Reason) -> None:
    with pytest.raises(Refused) as refused:
        instant_ms(value, "at")
    assert refused.value.reason is reason
