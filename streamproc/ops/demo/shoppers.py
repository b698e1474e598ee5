"""The simulated days: some 400 shoppers on the web, in the app and in two stores, and the trouble of real traffic.

Deterministic: the same seed gives the same records, byte for byte.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import Final

import orjson

from streamproc.ops.demo import crowd
from streamproc.ops.demo.calendar import DAY_MS, MINUTE_MS, at
from streamproc.ops.demo.cast import CAST, play
from streamproc.ops.demo.payloads import Timed, raw, segment, shop

__all__ = ["SEED", "SHOPPERS", "first_day", "later_day"]

SEED: Final = 7
SHOPPERS: Final = 400
DUPLICATE_RATIO: Final = 0.01
LATE_RATIO: Final = 0.006
MOMENTS: Final = frozenset({"clickstream", "beacons"})


def first_day(*, seed: int = SEED, shoppers: int = SHOPPERS) -> list[Timed]:
    """Return the records of the simulated day and of the few days before it that its story needs, in order of time.

    Who agreed to what comes first; the cast plays its parts; the crowd shops; some payloads are broken.
    """
    records: list[Timed] = []
    for number, persona in enumerate(CAST, start=1):
        records += play(persona, _name(number))
    for number in range(len(CAST) + 1, shoppers + 1):
        records += crowd.accounts(_name(number), seed)
        records += _shaken(crowd.day_of(_name(number), seed, 0), _name(number), seed)
    records += _anonymous(seed, 0)
    records += _broken(0)
    records += _shop()
    return _in_order(records)


def later_day(day: int, *, seed: int = SEED, shoppers: int = SHOPPERS) -> list[Timed]:
    """Return the records of the day so many days after the simulated one: the crowd goes on shopping."""
    records: list[Timed] = []
    for number in range(len(CAST) + 1, shoppers + 1):
        records += _shaken(crowd.day_of(_name(number), seed, day), _name(number), seed + day)
    records += _anonymous(seed, day)
    records += _broken(day)
    return _in_order(records)


def _name(number: int) -> str:
    return f"c-{number:04}"


def _in_order(records: Iterable[Timed]) -> list[Timed]:
    return sorted(records, key=lambda timed: timed[0])


def _shaken(records: list[Timed], customer: str, seed: int) -> Iterator[Timed]:
    """Repeat some records and hold up others, as gateways and phones in tunnels do."""
    chance = random.Random(f"shaken/{seed}/{customer}")  # noqa: S311 - a story, no secret
    for at_ms, output in records:
        luck = chance.random() if output.topic in MOMENTS else 1.0
        if luck < LATE_RATIO:
            yield at_ms + chance.randrange(10, 90) * MINUTE_MS, output
            continue
        yield at_ms, output
        if luck > 1.0 - DUPLICATE_RATIO:
            yield at_ms + chance.randrange(2_000, 120_000), output


def _anonymous(seed: int, day: int) -> Iterator[Timed]:
    """Let some people look around without saying who they are."""
    chance = random.Random(f"anonymous/{seed}/{day}")  # noqa: S311 - as above
    for number in range(40):
        visitor = f"a-{day}-{number:03}"
        at_ms = at(day, "08:00") + chance.randrange(13 * 60) * MINUTE_MS
        for turn in range(chance.randrange(1, 6)):
            call = {"type": "page", "messageId": f"{visitor}-{turn}", "anonymousId": visitor}
            yield segment(at_ms + turn * MINUTE_MS, call, key=visitor)


def _shop() -> Iterator[Timed]:
    """Let the shop run out of two things and get them again, and take two prices down: some wait for just that."""
    for item_id, back in (("coat-3", "10:35"), ("pan-2", "15:20")):
        yield shop(at(-3, "08:00"), item_id, available=False)
        yield shop(at(0, back), item_id, available=True)
    for item_id, before, now, when in (("toy-4", 4_590, 3_590, "11:25"), ("mug-1", 1_290, 990, "16:25")):
        yield shop(at(-3, "08:00"), item_id, available=True, price_minor=before, currency="EUR")
        yield shop(at(0, when), item_id, available=True, price_minor=now, currency="EUR")


def _broken(day: int) -> Iterator[Timed]:
    """Send what no producer should: each of these becomes a dead letter with its reason, or counts as too old."""
    noon_ms = at(day, "12:00")
    key = "c-0100"
    viewed = {"type": "track", "event": "Product Viewed", "properties": {"product_id": "coat-1"}}
    yield raw("clickstream", at(day, "08:20"), key, b'{"type": "track", "event": "Product Vie')
    yield raw("clickstream", at(day, "09:10"), key, b"<html>502 Bad Gateway</html>")
    yield raw("clickstream", at(day, "10:00"), key, b"")
    yield raw("clickstream", at(day, "10:30"), key, b'["a list", "is no call"]')
    yield raw("clickstream", at(day, "11:30"), key, b'{"hello": "world"}')
    yield raw("clickstream", at(day, "12:30"), key, b"[" * 40 + b"]" * 40)
    yield raw("clickstream", at(day, "13:10"), key, b'{"pad": "' + b"x" * 300_000 + b'"}')
    yield segment(at(day, "13:30"), viewed | {"messageId": f"nobody-{day}"}, key=key)
    yield segment(at(day, "14:30"), viewed | {"userId": key}, key=key)
    wrong = {
        "messageId": f"wrong-{day}",
        "userId": key,
        "properties": {"product_id": "coat-1", "price": {"a": 1}},
    }
    yield segment(at(day, "15:10"), viewed | wrong, key=key)
    ahead = {"messageId": f"ahead-{day}", "userId": key}
    yield segment(noon_ms + 2 * 60 * MINUTE_MS, viewed | ahead, key=key, received_ms=noon_ms)
    old = {"messageId": f"old-{day}", "userId": "c-0002"}
    yield segment(noon_ms - DAY_MS - 60 * MINUTE_MS, viewed | old, key="c-0002", received_ms=noon_ms)
    sighting = {"event_id": f"b-{day}", "customer_id": key, "kind": "beacon.exploded", "site_id": "berlin-1"}
    yield raw("beacons", at(day, "16:10"), key, orjson.dumps(sighting))
    grant = {
        "customer_id": key,
        "channel": "fax",
        "purpose": "marketing",
        "state": "granted",
        "at_ms": noon_ms,
    }
    yield raw("consents", at(day, "16:30"), key, orjson.dumps(grant))
