"""Whatever a producer writes is refused with its reason, or decided; nothing else is lost."""

from __future__ import annotations

from collections import Counter

import pytest
from redis import Redis

from streamproc.store.keys import KEYS, IdKey, bucket_of
from tests.e2e.installation import Installation, now_ms, until
from tests.parts import view

pytestmark = pytest.mark.timeout(120)

GOOD = [f"c-{number}" for number in range(50)]
DEEP = b'{"type":' + b"[" * 100 + b"]" * 100 + b"}"


def bad() -> dict[str, tuple[object, str]]:
    """Name payloads, each with the reason for which it is refused."""
    now = now_ms()
    good = view("c-1", "m", now, "coat-1")
    nobody = {name: value for name, value in good.items() if name != "userId"}
    return {
        "a tombstone": (None, "empty"),
        "no bytes": (b"", "empty"),
        "NULs": (b"\0" * 40, "not_json"),
        "half an object": (b'{"type": "track"', "not_json"),
        "no object": (b"[1, 2]", "not_an_object"),
        "deep": (DEEP, "too_deep"),
        "too large": (b'{"a": "' + b"x" * 300_000 + b'"}', "too_large"),
        "as large as Kafka takes": (b"x" * 1_048_400, "too_large"),
        "a huge number": (
            b'{"type": "track", "event": "Order Completed", "timestamp": 1' + b"0" * 400 + b"}",
            "*",
        ),
        "a number as text": (good | {"userId": {"id": 1}}, "*"),
        "a NUL in an id": (good | {"userId": "c\0-1"}, "bad_text"),
        "a lone surrogate": (b'{"type": "track", "userId": "\\ud800"}', "bad_text"),
        "nobody": (nobody, "no_identity"),
        "the future": (good | {"timestamp": now + 3_600_000}, "in_the_future"),
    }


async def test_what_cannot_be_read_is_a_dead_letter_with_its_reason_and_all_else_is_decided(
    shop: Installation,
) -> None:
    await shop.opt_in(GOOD, "push")
    given = bad()
    await shop.view(*GOOD[:25])
    for name, (payload, _) in given.items():
        await shop.produce("clickstream", [(name, payload)])
    await shop.view(*GOOD[25:])
    worker = shop.worker()
    await shop.caught_up()
    letters = {(one.key or b"").decode(): one for one in await shop.read("dead-letters")}
    reasons = {name: dict(one.headers)["x-dlq-reason"].decode() for name, one in letters.items()}
    expected = {name: reason for name, (_, reason) in given.items()}
    assert reasons == {
        name: reasons.get(name) if reason == "*" else reason for name, reason in expected.items()
    }
    assert letters["as large as Kafka takes"].value == given["as large as Kafka takes"][0]
    assert {one["customer_id"] for one in await shop.nudges()} == set(GOOD)
    assert await worker.waits_for() == []
    await shop.holds()


async def test_bad_facts_are_dead_letters_and_the_good_ones_count(shop: Installation) -> None:
    await shop.opt_in(GOOD[:5], "push")
    for topic in ("consents", "profiles", "outcomes", "privacy-requests"):
        await shop.produce(topic, [("x", b"\0"), ("x", {"customer_id": "c-1"}), ("x", None)])
    shop.worker()
    await shop.view(*GOOD[:5])
    await shop.caught_up()
    letters = await shop.read("dead-letters")
    counts = Counter(dict(one.headers)["x-dlq-topic"].decode() for one in letters)
    assert counts == {"consents": 3, "profiles": 3, "outcomes": 3, "privacy-requests": 3}
    assert len(await shop.nudges()) == 5
    await shop.holds()


async def test_a_record_that_cannot_be_decided_is_put_aside_and_its_neighbours_are_decided(
    shop: Installation,
) -> None:
    await shop.opt_in(GOOD, "push")
    worker = shop.worker()
    await shop.caught_up()
    h = IdKey(b"a key that only these tests use").h("c-7")
    key = KEYS[bucket_of(h)].context + h
    with Redis.from_url(shop.redis.url) as client:
        stored = client.get(key)
        assert isinstance(stored, bytes)
        client.set(key, stored[:8] + b"\x91\x63")  # layout 99
    await shop.view(*GOOD)
    await shop.caught_up()
    (letter,) = await shop.read("dead-letters")
    headers = dict(letter.headers)
    assert (letter.key, headers["x-dlq-reason"], headers["x-dlq-attempts"]) == (b"c-7", b"poison", b"3")
    assert {one["customer_id"] for one in await shop.nudges()} == set(GOOD) - {"c-7"}
    assert await worker.waits_for() == []
    await shop.holds()


async def test_repeats_late_ones_and_wrong_keys_change_nothing_that_is_said(shop: Installation) -> None:
    await shop.opt_in(GOOD, "push", "email")
    shop.worker()
    now = now_ms()
    fresh = [(one, view(one, f"m-{one}", now, "coat-1")) for one in GOOD]
    late = [(one, view(one, f"l-{one}", now - 2 * 86_400_000, "coat-2")) for one in GOOD]
    shuffled = sorted([*fresh, *fresh, *late], key=lambda row: hash(str(row)))
    await shop.produce("clickstream", shuffled)
    await shop.produce("clickstream", [("somebody else", value) for _, value in fresh])
    await until(shop.nudges, "no nudge came")
    await shop.caught_up()
    nudges = await shop.nudges()
    assert Counter(one["event_id"].removeprefix("m-") for one in nudges) == Counter(GOOD)
    report = await shop.holds()
    assert report.counts["I1"]["records"] >= 200


async def test_a_record_with_a_wrong_key_is_decided_in_its_customers_own_lane(shop: Installation) -> None:
    await shop.opt_in(GOOD, "push")
    shop.worker()
    now = now_ms()
    await shop.produce(
        "clickstream", [("one key for all", view(one, f"m-{one}", now, "coat-1")) for one in GOOD]
    )
    await shop.caught_up()
    forwarded = await shop.read("rekeyed")
    assert len(forwarded) > 25
    lanes = {(one.key, one.partition) for one in await shop.read("decisions")}
    assert {(one.key, one.partition) for one in forwarded} <= lanes
    assert len(await shop.nudges()) == len(GOOD)
    await shop.holds()
