"""The shoppers with a story: each of them shows one promise, so that every promise is seen in every run.

A script is a line a step: `[DAY] HH:MM VERB ...`, the day counted from the simulated one. All times are Berlin's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from streamproc.ops.demo.calendar import at
from streamproc.ops.demo.catalogue import find
from streamproc.ops.demo.diary import Diary
from streamproc.ops.demo.payloads import Timed

__all__ = ["CAST", "Persona", "play"]

BERLIN: Final = "Europe/Berlin"
LIKES_COATS: Final = {"traits": {"favourite_category": "coats"}}


@dataclass(frozen=True)
class Persona:
    """One shopper: what their story shows, what they agreed to, what they do, and what they declared."""

    shows: str
    agrees: str
    script: str
    declares: Mapping[str, Any] = field(default_factory=dict)
    timezone: str | None = BERLIN
    app: bool = False


CAST: Final = (
    Persona(
        "a regular reaches every cap that takes days",
        "push email sensing",
        """
        -3 12:00 visit berlin-1 12
        -3 15:00 wish pan-1
        -2 12:00 visit berlin-1 12
        -2 15:00 look coat-1 x3
        -1 12:00 add coat-2
        12:10 visit berlin-1 12
        16:20 look shoe-1 x3
        """,
        declares=LIKES_COATS,
    ),
    Persona("one push a day", "push", "10:30 look coat-1 x3; 12:20 add coat-1", app=True),
    Persona("two e-mails a week", "email", "09:40 wish shoe-4; 11:30 look shoe-2 x3; 16:00 add pan-2"),
    Persona(
        "two messages in the app a day",
        "in_app",
        "09:15 wish toy-1; 11:00 look coat-5 x3; 17:00 add coat-5",
        app=True,
    ),
    Persona("one word on jewellery a week", "email in_app", "10:05 look ring-1 x3; 16:40 wish ring-2"),
    Persona("a second look is offered once a week", "email", "09:50 look pan-2 x3; 17:30 look coat-4 x3"),
    Persona("a basket is mentioned once a week", "push in_app", "10:10 add shoe-2; 17:10 add coat-3"),
    Persona(
        "a wish list is confirmed once a month",
        "in_app",
        "10:20 wish mug-1; 12:30 unwish mug-1; 18:00 wish scale-1",
    ),
    Persona(
        "one message a visit, however often the phone loses the store",
        "push sensing in_app",
        "11:20 visit berlin-2 14; 15:40 visit berlin-2 11",
        declares=LIKES_COATS,
    ),
    Persona("an hour between two messages", "in_app email", "12:00 wish coat-3; 12:12 add coat-3"),
    Persona("too early for a push", "push", "07:20 look shoe-3 x3", app=True),
    Persona("too late for a push", "push", "21:10 look coat-2 x3", app=True),
    Persona("no time zone, no push", "push", "11:40 look coat-4 x3", timezone=None, app=True),
    Persona("what we do not know is not named", "email in_app", "12:40 look odd-1 x3"),
    Persona(
        "a pregnancy is not even remembered",
        "push email in_app",
        "13:20 look mat-1 x3",
        app=True,
    ),
    Persona(
        "a ring is not spoiled on a shared tablet",
        "push in_app",
        "12:50 look ring-3 x3",
        declares={"shared": ["device"]},
    ),
    Persona("no wine where the age is unknown", "email in_app", "16:20 look wine-1 x3"),
    Persona(
        "who bought a coat needs no coat",
        "push email",
        "09:30 look coat-3; 09:35 add coat-3; 09:50 order coat-3; 17:00 look coat-1 x3",
    ),
    Persona(
        "a pause is a pause",
        "push email in_app",
        "11:10 look coat-2 x3",
        declares={"preferences": {"paused_until_ms": at(14, "00:00")}},
    ),
    Persona(
        "no toys, please",
        "email in_app",
        "10:50 look toy-4 x3",
        declares={"preferences": {"muted_categories": ["toys"]}},
    ),
    Persona(
        "push was turned off in the app",
        "push in_app",
        "11:50 look shoe-1 x3",
        declares={"preferences": {"channels_off": ["push"]}},
        app=True,
    ),
    Persona(
        "one message a week is what this customer wants",
        "in_app email",
        "10:40 wish toy-3; 13:00 look pan-1 x3",
        declares={"preferences": {"nudges_per_week_max": 1}},
    ),
    Persona(
        "push is withdrawn half-way",
        "push",
        "-1 11:00 look shoe-4 x3; 12:45 revoke push; 15:30 add shoe-4; 16:30 add coat-4",
        app=True,
    ),
    Persona(
        "all messages are withdrawn half-way",
        "email in_app",
        "10:15 look coat-2 x3; 13:05 revoke everything; 16:10 wish coat-2; 17:20 add coat-2",
    ),
    Persona(
        "processing is withdrawn half-way: nothing is kept, nothing is said",
        "push email in_app",
        "10:25 look shoe-3 x3; 12:35 revoke processing; 16:15 look shoe-4 x3; 18:10 add shoe-4",
    ),
    Persona(
        "one click unsubscribes",
        "email in_app",
        "09:20 wish pan-2; 13:40 stop email; 15:50 look pan-1 x3",
    ),
    Persona("nobody asked", "", "10:00 look coat-1 x3; 12:00 add coat-1; 14:00 wish coat-1"),
    Persona("an account, but no messages", "processing", "11:30 look coat-5 x3"),
    Persona(
        "heard of the sale in the store yesterday, and no more of that visit today",
        "in_app sensing",
        "-1 15:00 visit berlin-2 14",
        declares=LIKES_COATS,
        app=True,
    ),
    Persona(
        "in the store yesterday, and no consent to sensing since this morning",
        "email sensing",
        "-1 12:10 visit berlin-1 18; 07:30 revoke sensing",
    ),
    Persona(
        "in the store without consent to sensing: nobody remembers it",
        "push in_app",
        "12:15 visit berlin-1 15",
        declares=LIKES_COATS,
    ),
    Persona("push was off: nothing was said", "push", "13:30 look shoe-2 x3", app=True),
    Persona("push was off: the app spoke instead", "push in_app", "14:00 look coat-3 x3", app=True),
    Persona("push was off, then on again", "push", "14:20 add shoe-4; 17:40 look coat-5 x3", app=True),
    Persona("a wish, then a look on the way home", "email push", "12:25 wish coat-5; 18:20 look coat-4 x3"),
    Persona(
        "a coat on the wish list, and in the store while it is reduced",
        "push sensing",
        "-2 19:00 wish coat-1; 10:45 visit berlin-2 20",
        app=True,
    ),
    Persona(
        "what was wished for is back, and is told of once a week",
        "in_app",
        "-2 18:00 wish coat-3; -2 18:05 wish pan-2",
    ),
    Persona(
        "a lower price is told of once in two weeks", "in_app", "-2 18:10 wish toy-4; -2 18:15 wish mug-1"
    ),
)


def play(persona: Persona, customer: str) -> list[Timed]:
    """Write the records of one persona's days."""
    diary = Diary(customer, persona.timezone)
    diary.app = persona.app
    diary.agree(persona.agrees)
    declared = dict(persona.declares)
    if persona.timezone is not None and persona.agrees:
        declared |= {"timezone": persona.timezone}
    if declared:
        diary.declare(declared)
    for step in persona.script.replace(";", "\n").splitlines():
        if words := step.split():
            _step(diary, words)
    return diary.records


def _step(diary: Diary, words: list[str]) -> None:
    day = 0 if ":" in words[0] else int(words.pop(0))
    at_ms = at(day, words.pop(0))
    verb, *rest = words
    match verb:
        case "look":
            diary.look(at_ms, find(rest[0]), int(rest[1][1:]) if len(rest) > 1 else 1)
        case "order":
            diary.order(at_ms, [find(item_id) for item_id in rest])
        case "visit":
            diary.visit(at_ms, rest[0], int(rest[1]))
        case "revoke":
            diary.revoke(at_ms, rest[0])
        case "stop":
            diary.stop(at_ms, rest[0])
        case _:
            diary.track(at_ms, _NAMES[verb], find(rest[0]))


_NAMES: Final = {
    "add": "Product Added",
    "remove": "Product Removed",
    "wish": "Product Added to Wishlist",
    "unwish": "Product Removed from Wishlist",
}
