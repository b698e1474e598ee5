"""What else a Snowplow event has that conditions may read."""

from __future__ import annotations

from itertools import islice
from operator import attrgetter
from typing import Final

from streamproc.core.event import CUSTOM_PREFIX, EXTRA_MAX, TEXT_CHARS_MAX
from streamproc.ingest.scalars import Number, Scalar, count, kept
from streamproc.ingest.snowplow import consent
from streamproc.ingest.snowplow.atomic import Atomic, Piped
from streamproc.ingest.snowplow.described import (
    Action,
    ConsentPreferences,
    ConsentWithdrawn,
    SiteSearch,
    Told,
)
from streamproc.ingest.snowplow.entities import Entities

INDEX_MAX: Final = 2**31 - 1

Extra = dict[str, str | int | float | bool]


class _Group:
    """Fields that are kept together, some of them under a name that other dialects use too."""

    __slots__ = ("names", "nothing", "values")

    def __init__(self, *fields: str, **renamed: str) -> None:
        self.names = (*renamed, *fields)
        getter = attrgetter(*renamed.values(), *fields)
        # Of a single field the getter returns no tuple.
        self.values = getter if len(self.names) > 1 else lambda source: (getter(source),)
        self.nothing = (None,) * len(self.names)

    def add(self, found: Extra, source: object) -> None:
        values = self.values(source)
        if values == self.nothing:
            return
        for name, value in zip(self.names, values):  # noqa: B905 - a keyword more costs as much as the loop
            _add(found, name, value)


def _add(found: Extra, name: str, value: Scalar) -> None:
    if value is None or value == "":
        return
    if type(value) is str and value.isprintable() and len(value) <= TEXT_CHARS_MAX:
        found[name] = value
    else:
        found.update(kept({name: value}, 1))


_PRODUCT: Final = _Group("list_price", "size", "inventory_status", "position", "creative_id")
_TRANSACTION: Final = _Group(
    *("payment_method", "total_quantity", "tax", "shipping", "credit_order"),
    coupon="discount_code",
    discount="discount_amount",
)
_ERROR: Final = _Group("error_code", "error_shortcode", "error_type", "resolution", "error_description")
_REFUND: Final = _Group(reason="refund_reason")
_CHECKOUT: Final = _Group(
    *("step", "delivery_provider", "delivery_method", "account_type", "payment_method", "proof_of_payment"),
    coupon="coupon_code",
)
_PROMOTION: Final = _Group("name", "position", "type", "slot", promotion_id="id", creative="creative_id")
_SEARCH: Final = _Group("total_results", "page_results")
_CAMPAIGN: Final = _Group(
    campaign_name="mkt_campaign",
    campaign_source="mkt_source",
    campaign_medium="mkt_medium",
    campaign_term="mkt_term",
    campaign_content="mkt_content",
    campaign_clickid="mkt_clickid",
    campaign_network="mkt_network",
)

_Attached = tuple[tuple[str, _Group], ...]

# The entities that belong to events of a kind, by their names in `Entities`; to one of the shop's own any may belong.
_OF_KIND: Final[dict[str, _Attached]] = {
    "order.completed": (("transaction", _TRANSACTION),),
    "order.refunded": (("refund", _REFUND),),
    "checkout.step": (("checkout_step", _CHECKOUT),),
    "promo.viewed": (("promotion", _PROMOTION),),
    "promo.clicked": (("promotion", _PROMOTION),),
}
_OF_CUSTOM: Final[_Attached] = (
    ("transaction_error", _ERROR),
    ("transaction", _TRANSACTION),
    ("refund", _REFUND),
    ("checkout_step", _CHECKOUT),
    ("promotion", _PROMOTION),
)


def extra_of(kind: str, atomic: Atomic, entities: Entities, told: Told | None) -> Extra:
    """Return the first EXTRA_MAX further fields: what the event tells, its entities, its session, its page."""
    own: Extra = {}
    found: Extra = {}
    if told is not None:
        data = told.data
        if isinstance(data, Action):
            if data.name:
                _add(found, "list_id", data.name)
        elif isinstance(data, dict):
            own = kept(data, EXTRA_MAX)
        elif isinstance(data, SiteSearch):
            _SEARCH.add(found, data)
        elif isinstance(data, ConsentPreferences | ConsentWithdrawn):
            own = kept(consent.extra_of(data), EXTRA_MAX)
    for name, group in _OF_CUSTOM if kind.startswith(CUSTOM_PREFIX) else _OF_KIND.get(kind, ()):
        attached = getattr(entities, name)
        if attached:
            group.add(found, attached[0])
    if entities.product and len(entities.product) == 1:
        _PRODUCT.add(found, entities.product[0])
    _add_session(found, atomic, entities)
    _add_page(found, atomic, entities)
    if isinstance(atomic, Piped) and any(_CAMPAIGN.values(atomic)):
        _CAMPAIGN.add(found, atomic)
    if own:
        found = own | {name: found[name] for name in found if name not in own}
    return found if len(found) <= EXTRA_MAX else dict(islice(found.items(), EXTRA_MAX))


def _add_session(found: Extra, atomic: Atomic, entities: Entities) -> None:
    index: Number = atomic.domain_sessionidx
    field = "domain_sessionidx"
    if entities.client_session:
        session = entities.client_session[0]
        event_index = count(session.event_index, "client_session[0].eventIndex", 0, INDEX_MAX)
        if event_index is not None:
            found["event_index"] = event_index
        if not index:
            index, field = session.session_index, "client_session[0].sessionIndex"
    session_index = count(index, field, 0, INDEX_MAX)
    if session_index is not None:
        found["session_index"] = session_index


def _add_page(found: Extra, atomic: Atomic, entities: Entities) -> None:
    if entities.page:
        _add(found, "page_type", entities.page[0].type)
    title, referrer, app_id = atomic.page_title, atomic.page_referrer, atomic.app_id
    # One look at all texts together costs less than three, and they hardly ever need cleaning.
    together = f"{title}{referrer}{app_id}"
    if len(together) > TEXT_CHARS_MAX or not together.isprintable():
        found |= kept({"page_title": title, "page_referrer": referrer, "app_id": app_id}, 3)
        return
    if title:
        found["page_title"] = title
    if referrer:
        found["page_referrer"] = referrer
    if app_id:
        found["app_id"] = app_id
