"""What a campaign's conditions are read against: the policy's categories, what its producers send, its trigger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from streamproc.core.policy import kinds
from streamproc.core.policy.discretion import NO_NAMES, Discretion
from streamproc.core.policy.fields import Fields
from streamproc.core.policy.plugin_shelf import Shelf
from streamproc.core.policy.problems import listed
from streamproc.core.policy.sharing import Sharing
from streamproc.core.producers import DIALECTS, senders

# What marketers call the fields that producers fill.
_WORDS: Final = {
    "items": "an item",
    "items.category": "a category",
    "items.brand": "a brand",
    "items.price_minor": "a price",
    "value_minor": "a value",
    "currency": "a currency",
    "site_id": "a store",
    "dwell_ms": "how long somebody stayed",
}


@dataclass(frozen=True)
class Scope:
    """What conditions are read against. `trigger` is the kind of the event at hand, empty if it could not be read.

    Where it `waits`, the campaign is asked later, from what is kept of that event. Where `is_unplugged`, a plug-in's
    condition is taken for true wherever that lets the whole hold. `discretion` is what soft words must not name.
    """

    categories: Sequence[str] = ()
    dialects: Sequence[str] = tuple(DIALECTS)
    trigger: str = ""
    waits: bool = False
    sharing: Sharing = field(default_factory=Sharing)
    shelf: Shelf = field(default_factory=Shelf)
    is_unplugged: bool = False
    discretion: Discretion = NO_NAMES

    def expect(self, fields: Fields, key: str, kind: str, field: str = "") -> None:
        """Warn if no producer sends events of this kind, or none with this field."""
        is_sent = kind in kinds.SENT_KINDS or kinds.is_custom(kind)
        if not is_sent or senders(self.dialects, kind, field):
            return
        what = f"{_WORDS.get(field, field)} with {kind}" if field else kind
        warn(fields, key, f"no producer ({listed(self.dialects)}) sends {what}, so nothing is ever found")

    def expect_at_hand(self, fields: Fields, key: str, field: str) -> None:
        """Warn if no producer sends this field with the event that triggers."""
        if self.trigger:
            self.expect(fields, key, self.trigger, field)


def warn(fields: Fields, key: str, message: str) -> None:
    """Report what is doubtful about a field, at its key's line."""
    node = fields.node
    place = f"{node.path}.{key}" if node.path else key
    fields.findings.warn(node.file, node.line_of(key), f"{place}: {message}")
