"""Draw docs/visits.svg: an hour of a flapping phone, and the one visit that `core.visits` makes of it.

python docs/draw_visits.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from streamproc.core import visits
from streamproc.core.context import Context
from streamproc.core.event import Event
from streamproc.core.policy.model import Visits
from streamproc.core.visits import Happened

PICTURE: Final = Path(__file__).with_name("visits.svg")
MINUTE_MS: Final = 60_000
DWELLS_MS: Final = (5 * MINUTE_MS,)
UNTIL_MIN: Final = 60
# Minutes, what was told, and where: somebody passes the store, comes back, flaps at the door and between two zones,
# is heard by the shop next door, and leaves; the phone tells of the exit late, and of one reading later still.
TOLD: Final = (
    (1.0, "entered", "berlin-1"),
    (2.2, "exited", "berlin-1"),
    (9.0, "entered", "berlin-1"),
    (9.4, "ranged", "berlin-1"),
    (11.0, "exited", "berlin-1"),
    (11.6, "entered", "berlin-1"),
    (14.0, "ranged", "berlin-1"),
    (17.0, "exited", "berlin-1"),
    (17.9, "entered", "berlin-1"),
    (20.0, "ranged", "berlin-2"),
    (21.0, "ranged", "berlin-1"),
    (25.5, "exited", "berlin-1"),
    (26.3, "entered", "berlin-1"),
    (30.0, "ranged", "berlin-1"),
    (36.0, "ranged", "berlin-1"),
    (38.0, "ranged", "berlin-2"),
    (41.0, "exited", "berlin-1"),
    (52.0, "exited", "berlin-1"),
)
COLOURS: Final = {"entered": "#1b7f4b", "ranged": "#4a90c2", "exited": "#c0392b"}
LEFT, MINUTE, TOP, ROW = 130, 11, 44, 46
WIDTH: Final = LEFT + UNTIL_MIN * MINUTE + 30


def followed() -> list[Happened]:
    """Follow the phone minute by minute; return what happened to visits."""
    context, rules, happened = Context(), Visits(), []
    for minutes, what, site in TOLD:
        at_ms = round(minutes * MINUTE_MS)
        event = Event(
            event_id="e",
            dialect="beacon",
            kind=f"beacon.{what}",
            site_id=site,
            occurred_at_ms=at_ms,
            received_at_ms=at_ms,
        )
        happened += visits.end_due(context, at_ms, rules)
        happened += visits.hear(context, event, at_ms, rules, DWELLS_MS)
    return happened + visits.end_due(context, UNTIL_MIN * MINUTE_MS, rules)


def x(minutes: float) -> float:
    """Return where a minute stands."""
    return round(LEFT + minutes * MINUTE, 1)


def text(at_x: float, at_y: float, words: str, more: str = "") -> str:
    """Write some words."""
    return f'<text x="{at_x}" y="{at_y}" {more}>{words}</text>'


def mark(at_x: float, at_y: float, what: str) -> str:
    """Draw one event: an arrow into the store, a dot, or an arrow out of it."""
    if what == "ranged":
        return f'<circle cx="{at_x}" cy="{at_y}" r="4" fill="{COLOURS[what]}"/>'
    tip, back = (6, -5) if what == "entered" else (-6, 5)
    points = f"{at_x - 5},{at_y + back} {at_x + 5},{at_y + back} {at_x},{at_y + tip}"
    return f'<polygon points="{points}" fill="{COLOURS[what]}"/>'


def draw() -> str:
    """Return the picture."""
    rows = {"berlin-1": 0, "berlin-2": 1}
    started, dwelled, ended = followed()
    begins, left = started.at_ms - started.dwell_ms, ended.at_ms
    bar_y = TOP + 2 * ROW
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} 236" font-family="sans-serif" font-size="12">',
        "<title>An hour of a flapping phone, and the one visit that is made of it</title>",
        f'<rect width="{WIDTH}" height="236" fill="#ffffff"/>',
        text(10, TOP + 4, "heard of berlin-1"),
        text(10, TOP + ROW + 4, "of the shop next door"),
        text(10, bar_y + 4, "the visit", 'font-weight="bold"'),
    ]
    for minutes in range(0, UNTIL_MIN + 1, 10):
        parts.append(
            f'<line x1="{x(minutes)}" x2="{x(minutes)}" y1="24" y2="{bar_y + 34}" stroke="#dddddd"/>'
        )
        parts.append(text(x(minutes), 18, f"{minutes} min", 'text-anchor="middle" fill="#666666"'))
    parts += [mark(x(minutes), TOP + rows[site] * ROW, what) for minutes, what, site in TOLD]
    first, last = x(begins / MINUTE_MS), x(left / MINUTE_MS)
    over = x(left / MINUTE_MS + Visits().rejoin_ms / MINUTE_MS)
    parts += [
        f'<rect x="{first}" y="{bar_y - 9}" width="{last - first:.1f}" height="18" rx="4" fill="#1b7f4b"/>',
        f'<rect x="{last}" y="{bar_y - 9}" width="{over - last:.1f}" height="18" fill="#1b7f4b" opacity="0.25"/>',
    ]
    for at_ms, words, lift in (
        (started.at_ms, "started, at the second reading", 44),
        (dwelled.at_ms, "dwelled 5 min", 28),
        (ended.at_ms + Visits().rejoin_ms, "ended, after the hold-down", 28),
    ):
        at_x = x(at_ms / MINUTE_MS)
        parts.append(
            f'<line x1="{at_x}" x2="{at_x}" y1="{bar_y + 9}" y2="{bar_y + lift - 10}" stroke="#333333"/>'
        )
        parts.append(text(at_x, bar_y + lift + 2, words))
    legend_y = bar_y + 78
    for number, what in enumerate(("entered", "ranged", "exited")):
        at_x = LEFT + 80 * number
        parts += [mark(at_x, legend_y - 4, what), text(at_x + 10, legend_y, what)]
    parts.append(
        text(LEFT + 240, legend_y, "who passes by is no visitor; who is lost for a minute never left")
    )
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
