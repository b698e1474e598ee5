"""A nudge as its topic carries it, read for handing over."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from streamproc.core.facts import MARKETING
from streamproc.core.record import Record
from streamproc.pacing import NOT_BEFORE_HEADER

__all__ = ["Parcel", "open_parcel"]

ID_CHARS_MAX: Final = 128
DECIDED_MS_MAX: Final = 253_402_300_799_999  # the year 9999, with which dates in mail and JSON end
_DIGITS_MAX: Final = 15
# The id becomes a header and part of a Message-ID, so only what is plain in both may stand in it.
_NUDGE_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")


class _Nudge(msgspec.Struct):
    """The fields that handing over needs; a topic's later versions may have more."""

    nudge_id: str
    customer_id: str
    channel: str
    campaign: str
    category: str
    decided_at_ms: int
    expires_at_ms: int
    content: dict[str, Any]
    controls: dict[str, str] = {}
    purpose: str = MARKETING


@dataclass(frozen=True)
class Parcel:
    """One nudge: what handing over looks at, and `value`, the JSON document as it was read. Times in milliseconds.

    One that has a slot in the pace of its channel is not handed over before it.
    """

    nudge_id: str
    customer_id: str
    channel: str
    campaign: str
    category: str
    decided_at_ms: int
    expires_at_ms: int
    content: dict[str, Any]
    controls: dict[str, str]
    purpose: str
    value: bytes
    lane: int
    not_before_ms: int = 0

    def said(self, field: str) -> str:
        """Return a field of the content, empty where it is none or no text."""
        found = self.content.get(field)
        return found if isinstance(found, str) else ""


_decoder = msgspec.json.Decoder(_Nudge)


def open_parcel(record: Record, channel: str) -> Parcel | None:
    """Read a nudge of this channel; None if the record is none, as only a stranger's hand can write it."""
    try:
        nudge = _decoder.decode(record.value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    is_sound = (
        _NUDGE_ID.fullmatch(nudge.nudge_id) is not None
        and 0 < len(nudge.customer_id) <= ID_CHARS_MAX
        and nudge.channel == channel
        and 0 <= nudge.decided_at_ms <= DECIDED_MS_MAX
    )
    if not is_sound:
        return None
    assert record.value is not None, "what was decoded was there"
    return Parcel(
        **{name: getattr(nudge, name) for name in _Nudge.__struct_fields__},
        value=record.value.strip(),
        lane=record.partition,
        not_before_ms=_not_before_ms(record),
    )


def _not_before_ms(record: Record) -> int:
    """Read the slot of a paced nudge; what cannot be read is none."""
    slot = dict(record.headers).get(NOT_BEFORE_HEADER, b"")
    return int(slot) if slot.isdigit() and len(slot) <= _DIGITS_MAX else 0
