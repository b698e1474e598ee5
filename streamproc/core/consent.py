"""What one customer agreed to: the newest word on each channel and purpose, and what it allows."""

from __future__ import annotations

from typing import Final

import msgspec

from streamproc.core.consent_head import LAYOUT, Allowed, ConsentHead, Row, UnreadableConsent
from streamproc.core.facts import (
    ANY_CHANNEL,
    CATEGORY_PURPOSE_PREFIX,
    CHANNELS,
    MARKETING,
    PROCESSING,
    SENSING,
    SIGNAL_PREFIX,
    ConsentChange,
)

# A row with a name of 20 characters is 50 B, so that a full head is 3.2 KB; a shop has a handful of special
# categories.
CATEGORIES_MAX: Final = 64

_GRANTED: Final = "granted"
# From the most to the least permissive: at one effective time the higher rank stands.
_RANK: Final = {_GRANTED: 0, "expired": 1, "pending": 2, "denied": 3, "withdrawn": 4}
# What a grant for all channels never lifts. A grant that merely ran out is no refusal.
_REFUSALS: Final = frozenset({"pending", "denied", "withdrawn"})
# What forbids even a message that needs no opt-in.
_NOES: Final = frozenset({"denied", "withdrawn"})
_FOREVER_MS: Final = 2**63

_PROCESSING_ROW: Final = f"{ANY_CHANNEL}/{PROCESSING}"
_SIGNAL_ROW: Final = f"{_PROCESSING_ROW}/signal"
_MARKETING_ROWS: Final = {channel: f"{channel}/{MARKETING}" for channel in (*CHANNELS, ANY_CHANNEL)}
_ANY_MARKETING_ROW: Final = _MARKETING_ROWS[ANY_CHANNEL]
_CATEGORY_ROW_PREFIX: Final = f"{ANY_CHANNEL}/{CATEGORY_PURPOSE_PREFIX}"
_ROWS: Final = frozenset(
    {_PROCESSING_ROW, _SIGNAL_ROW, f"{ANY_CHANNEL}/{SENSING}", *_MARKETING_ROWS.values()}
)


_decoder = msgspec.msgpack.Decoder(ConsentHead)
_encoder = msgspec.msgpack.Encoder()


def decode_consent(blob: bytes) -> ConsentHead:
    """Read a stored consent head.

    Raises UnreadableConsent if it was written by a later version, or is not a head at all.
    """
    try:
        head = _decoder.decode(blob)
    except msgspec.DecodeError as error:
        raise UnreadableConsent(f"a stored consent head cannot be read: {error}") from error
    if head.layout != LAYOUT:
        raise UnreadableConsent(
            f"a stored consent head has layout {head.layout}, this version reads {LAYOUT}"
        )
    return head


def encode_consent(head: ConsentHead) -> bytes:
    """Write a consent head as it is stored."""
    return _encoder.encode(head)


def fold(
    head: ConsentHead, change: ConsentChange, effective_ms: int, partition: int, offset: int
) -> ConsentHead:
    """Add one consent record, read at this position of `consents`, to what the customer said before.

    `effective_ms` is the earlier of the record's own time and its append time. A record at or below the
    head's position changes nothing. Of two words on one row the later effective one stands, at a tie the less
    permissive: so the rows do not depend on the order of the records, nor on repeats. Records of another
    partition than the head's (their producer used another key; pass -1 if it is not known) are added likewise
    and leave the position as it is.

    The source tells a signal on processing from the customer's own word. Rows that no rule reads are not kept.
    Where `CATEGORIES_MAX` is reached, further categories are not either: what is unknown is refused, and a head
    never gets shorter, so a withdrawal holds all the same.
    """
    ours = partition >= 0 and head.partition in (-1, partition)
    if ours and offset <= head.offset:
        return head
    rows = head.rows
    name = f"{change.channel}/{change.purpose}"
    if name == _PROCESSING_ROW and change.source.startswith(SIGNAL_PREFIX):
        name = _SIGNAL_ROW
    row = Row(change.state, effective_ms, change.expires_at_ms if change.state == _GRANTED else None, offset)
    known = rows.get(name)
    if _stands(rows, name, row):
        rows = {**rows, name: row}
    elif known is not None and known.offset < 0 <= offset and known.state == row.state:
        # The record of a refusal that counted ahead of it. The broker's clock may have dated it a little earlier.
        rows = {**rows, name: Row(known.state, known.effective_ms, None, offset)}
    if ours:
        return ConsentHead(partition=partition, offset=offset, rows=rows)
    return ConsentHead(partition=head.partition, offset=head.offset, rows=rows)


def allows(head: ConsentHead, channel: str, purpose: str, now_ms: int) -> Allowed:
    """Tell whether the customer agreed to this purpose on this channel, as of `now_ms`; unknown is no.

    `marketing` is asked for a channel: the later word of the channel's own row and of the row for all
    channels counts, at a tie the less permissive; but a grant for all channels never lifts a refusal of one.
    All other purposes stand on the row for all channels, whatever the channel, and a grant of marketing
    covers none of them. `processing` needs the customer's own grant, with no signal of a producer refusing it since;
    where the customer said nothing, the newest signal counts.
    """
    rows = head.rows
    name = _row_name(rows, channel, purpose, now_ms)
    row = rows.get(name)
    if row is None:
        return Allowed(ok=False, detail=f"{name}: unknown")
    if row.state != _GRANTED:
        return Allowed(ok=False, detail=f"{name}: {row.state} at {row.effective_ms}")
    if not _is_granted(row, now_ms):
        return Allowed(ok=False, detail=f"{name}: granted until {row.expires_at_ms}, now {now_ms}")
    return Allowed(ok=True, detail=f"{name}: granted at {row.effective_ms}")


def is_agreed(head: ConsentHead, channel: str, purpose: str, now_ms: int) -> bool:
    """Tell what `allows` tells, without its words: in a third of its time."""
    rows = head.rows
    return _is_granted(rows.get(_row_name(rows, channel, purpose, now_ms)), now_ms)


def tolerates(head: ConsentHead, channel: str) -> Allowed:
    """Tell whether a message that needs no opt-in may go on this channel: the customer must not have refused it.

    A refusal is a `denied` or `withdrawn` of marketing for the channel, or for all channels unless a later word
    granted this one. What is unknown, pending or lapsed is no refusal.
    """
    own, overall = head.rows.get(f"{channel}/{MARKETING}"), head.rows.get(_ANY_MARKETING_ROW)
    if own is not None and own.state in _NOES:
        return Allowed(ok=False, detail=f"{channel}/{MARKETING}: {own.state} at {own.effective_ms}")
    if overall is not None and overall.state in _NOES:
        granted_since = own is not None and own.state == _GRANTED and own.effective_ms > overall.effective_ms
        if not granted_since:
            return Allowed(
                ok=False, detail=f"{_ANY_MARKETING_ROW}: {overall.state} at {overall.effective_ms}"
            )
    return Allowed(ok=True, detail=f"{channel}/{MARKETING}: not refused")


def processing_granted(head: ConsentHead, now_ms: int) -> bool:
    """Tell whether anything may be stored and decided: `allows` of `processing`, fast enough for every
    event.
    """
    rows = head.rows
    return _is_granted(
        rows.get(_PROCESSING_ROW if _SIGNAL_ROW not in rows else _processing_row(rows)), now_ms
    )


def special_lapsed(head: ConsentHead, now_ms: int) -> bool:
    """Tell whether a consent to a special category ran out, fast enough for every event.

    Of a head whose rows are all of other purposes, as nearly all are, only their names are looked at.
    """
    rows = head.rows
    if rows.keys() <= _ROWS:
        return False
    return any(
        row.expires_at_ms is not None and now_ms >= row.expires_at_ms
        for name, row in rows.items()
        if name.startswith(_CATEGORY_ROW_PREFIX)
    )


def after_signal(head: ConsentHead, change: ConsentChange, now_ms: int) -> ConsentHead | None:
    """Return the head after a producer's signal on processing, None if it says nothing new.

    What is returned needs a record in `consents`, and is returned again until that record came back. A refusal
    counts at once. A grant does not count before its record is folded in, and never against what the customer said.
    """
    rows = head.rows
    after = fold(head, change, change.at_ms, -1, -1)
    if change.state == _GRANTED:
        if processing_granted(head, now_ms) or not processing_granted(after, now_ms):
            return None
        refused = rows.get(_SIGNAL_ROW)
        if refused is None or refused.state == _GRANTED:
            return head
        # No longer the last word: whoever refuses again before the grant came back must be heard.
        reopened = {**rows, _SIGNAL_ROW: Row(refused.state, refused.effective_ms)}
        return ConsentHead(partition=head.partition, offset=head.offset, rows=reopened)
    row = rows.get(_processing_row(rows))
    if row is None:
        return after
    if row.state != _GRANTED:
        return after if row.offset < 0 else None
    return None if processing_granted(after, now_ms) else after


def _processing_row(rows: dict[str, Row]) -> str:
    """Name the row that decides on processing."""
    own, signal = rows.get(_PROCESSING_ROW), rows.get(_SIGNAL_ROW)
    if signal is None:
        return _PROCESSING_ROW
    if own is None:
        return _SIGNAL_ROW
    refused_since = signal.state != _GRANTED and signal.effective_ms >= own.effective_ms
    return _SIGNAL_ROW if refused_since else _PROCESSING_ROW


def _row_name(rows: dict[str, Row], channel: str, purpose: str, now_ms: int) -> str:
    """Name the row that decides on a purpose on a channel."""
    if purpose == PROCESSING:
        return _processing_row(rows)
    if purpose != MARKETING or channel == ANY_CHANNEL:
        return f"{ANY_CHANNEL}/{purpose}"
    name = f"{channel}/{MARKETING}"
    own, overall = rows.get(name), rows.get(_ANY_MARKETING_ROW)
    if overall is None or (own is not None and own.state in _REFUSALS):
        return name
    if own is None or overall.effective_ms > own.effective_ms:
        return _ANY_MARKETING_ROW
    is_less_permissive = overall.effective_ms == own.effective_ms and _is_granted(own, now_ms)
    return _ANY_MARKETING_ROW if is_less_permissive else name


def _is_granted(row: Row | None, now_ms: int) -> bool:
    if row is None or row.state != _GRANTED:
        return False
    expires_at_ms = row.expires_at_ms
    return expires_at_ms is None or now_ms < expires_at_ms


def _stands(rows: dict[str, Row], name: str, row: Row) -> bool:
    known = rows.get(name)
    if known is not None:
        return _weight(row) > _weight(known)
    if name in _ROWS:
        return True
    if not name.startswith(_CATEGORY_ROW_PREFIX):
        return False
    return sum(other.startswith(_CATEGORY_ROW_PREFIX) for other in rows) < CATEGORIES_MAX


def _weight(row: Row) -> tuple[int, int, int, int]:
    """Order the words on one row totally. Of two equal words the first in the topic stands, as the proof."""
    expires_ms = _FOREVER_MS if row.expires_at_ms is None else row.expires_at_ms
    return row.effective_ms, _RANK[row.state], -expires_ms, -row.offset
