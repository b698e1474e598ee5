"""Self-describing events, which Snowplow once called unstructured: data with the address of its schema."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, TypeVar

import msgspec

from streamproc.core.event import Reason
from streamproc.ingest.bounds import document, refuse_deep
from streamproc.ingest.refusal import Refused
from streamproc.ingest.scalars import Id, Number, Scalar
from streamproc.ingest.snowplow.entities import (
    MOBILE,
    SCHEMA_CHARS_MAX,
    SHOP,
    SNOWPLOW,
    UNREADABLE,
    Described,
    named,
    schema_of,
)

_ACTION_CHARS_MAX: Final = 512  # an action takes 260 bytes, in base64 350
_ACTIONS_MAX: Final = 1024  # eleven, with the names of some lists


class Action(msgspec.Struct, gc=False):
    """What happened in the shop; what it happened to stands in the entities."""

    type: str | None = None
    name: str | None = None  # of the list, where there is one


class CartChange(msgspec.Struct, gc=False):
    """A product put into or taken from the cart, as trackers said it before there were entities of a shop."""

    sku: Id = None
    name: str | None = None
    category: str | None = None
    unit_price: Number = msgspec.field(name="unitPrice", default=None)
    quantity: Number = None
    currency: str | None = None


class SiteSearch(msgspec.Struct, gc=False):
    """A search inside of the shop; the filters are not read."""

    terms: list[str] | None = None
    total_results: Scalar = msgspec.field(name="totalResults", default=None)
    page_results: Scalar = msgspec.field(name="pageResults", default=None)


class ConsentPreferences(msgspec.Struct, gc=False):
    """What a customer answered to a consent banner."""

    event_type: str | None = msgspec.field(name="eventType", default=None)
    basis: str | None = msgspec.field(name="basisForProcessing", default=None)
    version: Scalar = msgspec.field(name="consentVersion", default=None)
    scopes: list[str] | None = msgspec.field(name="consentScopes", default=None)
    url: str | None = msgspec.field(name="consentUrl", default=None)
    domains: list[str] | None = msgspec.field(name="domainsApplied", default=None)
    gdpr_applies: bool | None = msgspec.field(name="gdprApplies", default=None)


class ConsentWithdrawn(msgspec.Struct, gc=False):
    """A consent taken back: all of it, or some document of it."""

    all: bool | None = None


Data = Action | CartChange | SiteSearch | ConsentPreferences | ConsentWithdrawn | dict[str, Any]


class Told(msgspec.Struct, gc=False):
    """What an event tells: the name of its schema, its data in the shape of that schema or as they are.

    `kind` is the kind of the event where the schema alone says it, `names` holds what the producer calls fields that
    are not named as today.
    """

    name: str
    data: Data
    kind: str | None = None
    names: dict[str, str] | None = None


class Teller(msgspec.Struct, frozen=True):
    """A schema of events: its name, how to read its data if that is known, and the kind it stands for if any."""

    name: str
    shape: type[msgspec.Struct] | None = None
    kind: str | None = None


TELLERS: Final[dict[str, Teller]] = {
    f"{SHOP}snowplow_ecommerce_action/1": Teller("snowplow_ecommerce_action", Action),
    f"{SNOWPLOW}add_to_cart/1": Teller("add_to_cart", CartChange, "cart.item_added"),
    f"{SNOWPLOW}remove_from_cart/1": Teller("remove_from_cart", CartChange, "cart.item_removed"),
    f"{SNOWPLOW}site_search/1": Teller("site_search", SiteSearch, "search.performed"),
    f"{SNOWPLOW}consent_preferences/1": Teller("consent_preferences", ConsentPreferences),
    f"{SNOWPLOW}consent_withdrawn/1": Teller("consent_withdrawn", ConsentWithdrawn),
    f"{SNOWPLOW}screen_view/1": Teller("screen_view", None, "screen.viewed"),
    f"{MOBILE}screen_view/1": Teller("screen_view", None, "screen.viewed"),
    f"{SNOWPLOW}application_foreground/1": Teller("application_foreground", None, "app.opened"),
}
_DECODERS: Final[dict[type, msgspec.json.Decoder[Any]]] = {
    teller.shape: msgspec.json.Decoder(teller.shape) for teller in TELLERS.values() if teller.shape
}


class _Envelope(msgspec.Struct, gc=False):
    data: Described


_envelope: Final = msgspec.json.Decoder(_Envelope).decode


@lru_cache(maxsize=1024)
def _teller_of(schema: str) -> Teller | None:
    found = schema_of(schema)
    return TELLERS.get(found.key) or Teller(found.name) if found else None


Value = TypeVar("Value", str, bytes)


def remembered(read: Callable[[Value, str], Told]) -> Callable[[Value, str], Told]:
    """Read the envelope of an action once: nearly all events of a shop tell one of eleven, in the same words.

    Nothing else is kept, since what other events tell may be personal.
    """
    seen: dict[Value, Told] = {}

    def told(value: Value, field: str) -> Told:
        if len(value) > _ACTION_CHARS_MAX:
            return read(value, field)
        found = seen.get(value)
        if found is None:
            found = read(value, field)
            if isinstance(found.data, Action) and len(seen) < _ACTIONS_MAX:
                seen[value] = found
        return found

    return told


def told_in(value: bytes, field: str) -> Told:
    """Return what an envelope in JSON tells; `field` names the envelope."""
    refuse_deep(value, field)
    try:
        described = _envelope(value).data
    except UNREADABLE:
        described = named(value, _envelope, field).data
    teller = _teller_of(described.schema[:SCHEMA_CHARS_MAX])
    if teller is None:
        raise Refused(Reason.BAD_TEXT, f"{field}.data.schema", "expected iglu:vendor/name/format/version")
    if teller.shape is None:
        try:
            return Told(teller.name, document(bytes(described.data)), teller.kind)
        except Refused as refused:
            raise refused.under(f"{field}.data.data") from None
    decode = _DECODERS[teller.shape].decode
    try:
        return Told(teller.name, decode(described.data), teller.kind)
    except UNREADABLE:
        return Told(teller.name, named(bytes(described.data), decode, teller.name), teller.kind)
