"""The other shoppers: what they agreed to and how they spend their day follows from a seed."""

from __future__ import annotations

import random
from typing import Final

from streamproc.ops.demo.calendar import MINUTE_MS, at
from streamproc.ops.demo.catalogue import BROWSED, Item
from streamproc.ops.demo.diary import Diary
from streamproc.ops.demo.payloads import SITES, Timed

__all__ = ["accounts", "day_of"]

# How many of a hundred shoppers tell such a zone; None tells none.
ZONES: Final = (("Europe/Berlin", 80), ("Europe/Vienna", 6), ("Europe/London", 6), (None, 8))
# When sessions begin, by hour, in shares: a lunch break and an evening at home.
HOURS: Final = {
    7: 2,
    8: 4,
    9: 5,
    10: 6,
    11: 7,
    12: 9,
    13: 8,
    14: 6,
    15: 6,
    16: 6,
    17: 8,
    18: 9,
    19: 10,
    20: 9,
    21: 5,
}
NOBODY_RATIO: Final = 0.3
"""Nearly a third agreed to nothing: of them nothing is kept."""
CHANNEL_RATIOS: Final = {"push": 0.5, "email": 0.45, "in_app": 0.5}
SENSING_RATIO: Final = 0.5
REVOKES_RATIO: Final = 0.06


def accounts(customer: str, seed: int) -> list[Timed]:
    """Write what one shopper agreed to and declared, and what they withdraw on the simulated day."""
    chance = _chance(customer, seed)
    diary = Diary(customer, _zone(chance))
    agreed = _agreed(chance)
    diary.agree(" ".join(agreed))
    if not agreed:
        return diary.records
    declared = {"timezone": diary.timezone} if diary.timezone is not None else {}
    if chance.random() < 0.4:  # noqa: PLR2004 - two of five say what they like
        favourite = chance.choice(("coats", "shoes", "kitchen", "toys"))
        diary.declare(declared | {"traits": {"favourite_category": favourite}})
    elif declared:
        diary.declare(declared)
    if chance.random() < REVOKES_RATIO:
        word = chance.choice([*agreed, "everything", "processing"])
        diary.revoke(at(0, "11:00") + chance.randrange(7 * 60) * MINUTE_MS, word)
    return diary.records


def day_of(customer: str, seed: int, day: int) -> list[Timed]:
    """Write one shopper's day: a session or several on the web or in the app, and perhaps a walk to a store."""
    zone = _zone(_chance(customer, seed))
    chance = random.Random(f"{seed}/{customer}/{day}")  # noqa: S311 - a story, no secret
    diary = Diary(customer, zone)
    diary.number_from(day * 1_000)
    for _ in range(chance.choice((1, 1, 2, 2, 3))):
        diary.app = chance.random() < 0.5  # noqa: PLR2004 - half of all sessions
        hour = chance.choices(list(HOURS), list(HOURS.values()))[0]
        _session(diary, at(day, f"{hour}:00") + chance.randrange(60 * MINUTE_MS), chance)
    if chance.random() < 0.2:  # noqa: PLR2004 - one shopper in five
        opens_ms = at(day, "10:00")
        minutes = chance.choice((3, 4, 8, 12, 20))
        diary.visit(opens_ms + chance.randrange(9 * 60) * MINUTE_MS, chance.choice(SITES), minutes)
    return diary.records


def _session(diary: Diary, at_ms: int, chance: random.Random) -> None:
    """Come for something, look around, come back to what pleased; some put it aside, fewer buy."""
    diary.arrive(at_ms)
    wanted = chance.choice(BROWSED)
    alike = [item for item in BROWSED if item.category == wanted.category]
    at_ms += _pause(chance)
    if chance.random() < 0.5:  # noqa: PLR2004 - half use the search, half the shelves
        diary.track(at_ms, "Products Searched", None, {"query": wanted.category})
    else:
        diary.track(
            at_ms, "Product List Viewed", None, {"list_id": wanted.category, "category": wanted.category}
        )
    for _ in range(chance.randrange(1, 5)):
        at_ms += _pause(chance)
        diary.look(at_ms, chance.choice(alike))
    at_ms += _pause(chance)
    at_ms = diary.look(at_ms, wanted, chance.choice((1, 1, 1, 2, 3)))
    _decision(diary, at_ms + _pause(chance), wanted, chance)


def _decision(diary: Diary, at_ms: int, wanted: Item, chance: random.Random) -> None:
    mood = chance.random()
    if mood < 0.12:  # noqa: PLR2004 - the shares of those who wish ...
        diary.track(at_ms, "Product Added to Wishlist", wanted)
        return
    if mood > 0.45:  # noqa: PLR2004 - ... and of those who leave
        return
    diary.track(at_ms, "Product Added", wanted)
    at_ms += _pause(chance)
    if mood < 0.18:  # noqa: PLR2004 - some think again
        diary.track(at_ms, "Product Removed", wanted)
    elif mood < 0.3:  # noqa: PLR2004 - some buy
        diary.order(at_ms + 2 * MINUTE_MS, [wanted])


def _pause(chance: random.Random) -> int:
    return chance.randrange(20_000, 3 * MINUTE_MS)


def _agreed(chance: random.Random) -> list[str]:
    if chance.random() < NOBODY_RATIO:
        return []
    agreed = [channel for channel, ratio in CHANNEL_RATIOS.items() if chance.random() < ratio]
    if agreed and chance.random() < SENSING_RATIO:
        agreed.append("sensing")
    return agreed or ["processing"]


def _zone(chance: random.Random) -> str | None:
    return chance.choices([zone for zone, _ in ZONES], [share for _, share in ZONES])[0]


def _chance(customer: str, seed: int) -> random.Random:
    return random.Random(f"{seed}/{customer}")  # noqa: S311 - as above
