"""Caps as a policy's files write them: how many messages in which window."""

from __future__ import annotations

from typing import Final

from streamproc.core.context import CHARGES_MAX
from streamproc.core.policy.fields import Fields, duration_text
from streamproc.core.policy.model import Cap, Period
from streamproc.core.policy.shape import Again, Choice, Duration, Flag, Key, ListOf, Shape, Whole

MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
# What a context keeps at most (`CONTEXT_DAYS`); a window beyond it would forget what it counts.
MEMORY_MS: Final = 90 * DAY_MS
CAPS_MAX: Final = 8
_PERIOD_TEXT: Final = {"day": "1 d", "week": "1 w", "month": "1 month", "visit": "visit"}

CAP: Final = Shape(
    "How many messages one customer may get in a window of time.",
    {
        "max": Key("So many messages at most.", Whole(1, CHARGES_MAX), required=True, looser="more"),
        "per": Key(
            "A window of the calendar where the customer is; a week begins on Monday; a visit is a stay in a store.",
            Choice(tuple(Period), "a period"),
        ),
        "rolling": Key(
            "A window that slides: the time just passed, such as 7d.", Duration(MINUTE_MS, MEMORY_MS)
        ),
        "ever": Key("true: so many, and then never again.", Flag()),
    },
    one_of=("per", "rolling", "ever"),
)
CAPS: Final = ListOf(Again("cap", lambda: CAP), CAPS_MAX)


def read_caps(fields: Fields) -> tuple[Cap, ...]:
    """Read the `caps` of a mapping."""
    nodes = fields.nodes("caps")
    if len(nodes) > CAPS_MAX:
        fields.at("caps", f"has {len(nodes)} caps, {CAPS_MAX} are allowed")
    caps = [_cap(Fields(node, fields.findings, CAP)) for node in nodes[:CAPS_MAX]]
    return tuple(cap for cap in caps if cap is not None)


def _cap(fields: Fields) -> Cap | None:
    count = fields.integer("max")
    given = [key for key in CAP.one_of if key in fields]
    if len(given) != 1 and fields.node.kind == "mapping":
        found = " and ".join(given) or "none"
        fields.error(fields.node, f"needs exactly one of per, rolling and ever, it has {found}")
        return None
    if not fields.flag("ever"):
        fields.at("ever", "can only be true; leave it out otherwise")
    period = fields.choice("per")
    rolling_ms = fields.duration("rolling")
    if count is None or not (period or rolling_ms or "ever" in fields):
        return None
    if rolling_ms:
        return Cap(count, rolling_ms=rolling_ms, text=f"{duration_text(rolling_ms)} rolling")
    if period:
        return Cap(count, per=Period(period), text=_PERIOD_TEXT[period])
    return Cap(count, ever=True, text="ever")
