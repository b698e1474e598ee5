"""Tell those who watch an item what the catalog says of it: each of them by a record of `timers`.

It decides nothing: what comes of it the customer's lane decides, from what is remembered then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec

from streamproc.core.catalog import Change, offer_key
from streamproc.core.context import UnreadableContext
from streamproc.core.event import Rejection
from streamproc.core.item_news import News, Word, is_asked_for, news_of, told
from streamproc.core.policy.model import Policy
from streamproc.core.record import Output, Record
from streamproc.core.stored_context import decode_context
from streamproc.core.watching import watched
from streamproc.ingest.bounds import PAYLOAD_BYTES_MAX
from streamproc.ingest.catalog import parse_catalog, taken_back
from streamproc.ingest.dead_letter import dead_letter
from streamproc.ingest.inside import TOPIC as TIMERS
from streamproc.ingest.inside import encode_item_event
from streamproc.store.base import Slot, Store
from streamproc.store.watches import Watches

__all__ = ["AT_ONCE", "Telling"]

# A helping of 500 contexts takes a worker 5 ms to read, and Redis less.
AT_ONCE: Final = 500

_words: Final = msgspec.msgpack.Decoder(Word)
_encode: Final = msgspec.msgpack.Encoder().encode


class Telling:
    """Reads records of the catalog in the order of their partition, and tells of the news in them.

    A crash anywhere means that the records come again. Who was told is known by then up to the last helping; who is
    told twice knows the event by its id.
    """

    def __init__(
        self,
        *,
        watches: Watches,
        store: Store,
        send: Callable[[Sequence[Output], int | None], Awaitable[None]],
        address: Callable[[str], tuple[str, int]],
        policy: Callable[[], Policy],
        may_tell: Callable[[], Awaitable[None]],
        pace: Callable[[int], Awaitable[None]],
    ) -> None:
        """Tell by `send`, which writes records with this time, or with the present one, and awaits the broker.

        `may_tell` waits until it is allowed, `pace(n)` after n customers were told.
        """
        self._watches = watches
        self._store = store
        self._send = send
        self._address = address
        self._policy = policy
        self._may_tell = may_tell
        self._pace = pace
        self.told = 0
        """How many customers were told of something, since the start."""

    async def take(self, records: Sequence[Record]) -> None:
        """Take records of one partition; return when all that they cause is acknowledged and kept.

        Raises StoreUnavailable, StoreRefused and SinkUnavailable: then the same records must be taken again.
        """
        letters: list[Output] = []
        changes: list[tuple[Record, Change]] = []
        for record in records:
            parsed = parse_catalog(record)
            change = parsed if isinstance(parsed, Change) else taken_back(record)
            if not isinstance(parsed, Change):
                letters.append(_letter(record, parsed))
            if change is not None and not change.is_site:
                changes.append((record, change))
        await self._follow(changes)
        if letters:
            await self._send(letters, None)

    async def _follow(self, changes: Sequence[tuple[Record, Change]]) -> None:
        keys = list(dict.fromkeys(_key(change) for _, change in changes))
        kept = await self._watches.words(keys)
        words = {key: _read(word) for key, word in zip(keys, kept, strict=True) if word is not None}
        changed: dict[str, bytes] = {}
        for record, change in changes:
            key = _key(change)
            before = words.get(key, Word())
            word, news = news_of(before, change, f"{record.partition}/{record.offset}")
            if news is not None and is_asked_for(news, self._policy()):
                # What came before is kept first, so that after a crash this is news again.
                await self._watches.keep(changed)
                changed = {}
                await self._tell(key, before, news)
                word = told(word, news)
            words[key], changed[key] = word, _encode(word)
        await self._watches.keep(changed)

    async def _tell(self, key: str, before: Word, news: News) -> None:
        """Tell all watchers, a helping at a time; go on behind the last who was told if this was begun before."""
        hs = await self._watches.watchers(news.item_id, news.at_ms)
        if before.telling == news.event_id:
            hs = [h for h in hs if h > before.told_to]
        for at in range(0, len(hs), AT_ONCE):
            helping = hs[at : at + AT_ONCE]
            await self._may_tell()
            slots = await self._store.load(helping)
            outputs = [output for slot in slots if (output := self._output(slot, news)) is not None]
            if outputs:
                await self._send(outputs, news.at_ms)
            so_far = msgspec.structs.replace(before, telling=news.event_id, told_to=helping[-1])
            await self._watches.keep({key: _encode(so_far)})
            self.told += len(outputs)
            await self._pace(len(outputs))

    def _output(self, slot: Slot, news: News) -> Output | None:
        """Write to one watcher; None for who is not one any more, which their memory knows best."""
        try:
            context = decode_context(slot.context) if slot.context else None
        except UnreadableContext:
            return None
        if context is None or watched(context, news.item_id, news.at_ms) is None:
            return None
        _, lane = self._address(context.customer_id)
        value = encode_item_event(context.customer_id, _fields(news))
        return Output(TIMERS, context.customer_id.encode(), value, lane=max(lane, 0))


def _read(word: bytes) -> Word:
    """Read a word; one that another version wrote is none."""
    try:
        return _words.decode(word)
    except msgspec.DecodeError:
        return Word()


def _letter(record: Record, rejection: Rejection) -> Output:
    """Put a refused record aside; a value that is too large for what may be read is told by its size alone."""
    value = record.value
    if value is not None and len(value) > PAYLOAD_BYTES_MAX:
        record = msgspec.structs.replace(record, value=None)
    return dead_letter(record, rejection)


def _key(change: Change) -> str:
    return offer_key(change.item_id, change.site_id)


def _fields(news: News) -> dict[str, Any]:
    offer = news.offer
    fields = {
        "kind": news.kind,
        "event_id": news.event_id,
        "occurred_at_ms": news.at_ms,
        "item_id": news.item_id,
        "site_id": news.site_id or None,
        "name": offer.name or None,
        "category": offer.category or None,
        "price_minor": offer.price_minor,
        "price_before_minor": news.price_before_minor,
        "currency": offer.currency or None,
    }
    return {name: value for name, value in fields.items() if value is not None}
