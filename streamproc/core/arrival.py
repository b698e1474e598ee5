"""What a decision is made from: an event where it was read, its customer's state, and the rules of the moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from streamproc.core.catalog import NO_CATALOG, Catalog
from streamproc.core.consent_head import ConsentHead
from streamproc.core.context import Context
from streamproc.core.event import Event
from streamproc.core.policy.model import Policy
from streamproc.core.record import Position
from streamproc.core.switches import Switches


@dataclass(frozen=True)
class Rules:
    """What every decision of a unit is made under; `config_offset` is how far `config` had been applied.

    `unpaid` names the channels that cost more than the day has left, with the numbers compared.
    """

    policy: Policy
    switches: Switches
    config_offset: int
    event_age_max_ms: int
    unpaid: Mapping[str, str] = field(default_factory=dict)
    catalog: Catalog = NO_CATALOG


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """One event to be decided: where it was read, and how far its lane had applied `consents` (the next offset)."""

    event: Event
    position: Position
    lane: int
    consents_offset: int


class Customer(msgspec.Struct, gc=False):
    """One customer's state: `context` is None while nothing may be remembered.

    `signalled` is the state of the last record on processing that this unit writes for the customer, `unwatched` are
    the items that the customer watched and that had to be forgotten.
    """

    h: str
    consent: ConsentHead
    context: Context | None
    signalled: str = ""
    unwatched: tuple[str, ...] = ()
