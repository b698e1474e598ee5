"""All that one customer's consent records say, and one answer from it."""

from __future__ import annotations

from typing import Final

import msgspec

LAYOUT: Final = 1


class Row(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The word standing for one channel and purpose, and the offset in `consents` of the record that said
    so; -1: it is still on its way there.
    """

    state: str
    effective_ms: int
    expires_at_ms: int | None = None
    offset: int = -1


class ConsentHead(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """All that one customer's consent records say, folded: rows by `<channel>/<purpose>`.

    What producers signal about processing has a row of its own, so that it never takes the place of what the
    customer said.
    `partition` and `offset` are the position in `consents` up to which the customer's records are folded in;
    -1: none. New fields go to the end with a default, so that older heads stay readable. A head is a value:
    nobody changes `rows`.
    """

    layout: int = LAYOUT
    partition: int = -1
    offset: int = -1
    rows: dict[str, Row] = {}


class Allowed(msgspec.Struct, frozen=True, gc=False):
    """Whether something may be done, and the row and time that say so."""

    ok: bool
    detail: str


class UnreadableConsent(ValueError):
    """A stored consent head has a layout this version does not know: nothing may be sent on it."""


NO_CONSENT: Final = ConsentHead()
"""The head of a customer nobody heard of: it allows nothing."""
