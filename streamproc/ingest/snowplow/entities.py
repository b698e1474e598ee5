"""The entities that Snowplow attaches to events: products, the cart, the session and what else a shop tells of."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, TypeVar

import msgspec

from streamproc.ingest import product_shapes
from streamproc.ingest.bounds import document, refuse_deep
from streamproc.ingest.refusal import Refused, refused_by_type
from streamproc.ingest.scalars import Id, Number, Scalar

# A schema's address has some 80 characters. What is longer is no address of a schema that is known here.
SCHEMA_CHARS_MAX: Final = 256
_SCHEMA: Final = re.compile(r"iglu:([\w.-]+)/([\w-]+)/[\w-]+/([0-9]+)-[0-9]+-[0-9]+", re.ASCII)
SHOP: Final = "com.snowplowanalytics.snowplow.ecommerce/"
SNOWPLOW: Final = "com.snowplowanalytics.snowplow/"
MOBILE: Final = "com.snowplowanalytics.mobile/"

Shape = TypeVar("Shape")


class Product(product_shapes.Product, gc=False):
    """A product, with what only an event about it alone can keep."""

    currency: str | None = None
    list_price: Number = None
    size: Scalar = None
    inventory_status: Scalar = None
    position: Scalar = None
    creative_id: Scalar = None


class Cart(msgspec.Struct, gc=False):
    """The cart after the event."""

    cart_id: Id = None
    total_value: Number = None
    currency: str | None = None


class Transaction(msgspec.Struct, gc=False):
    """An order, placed or failed."""

    transaction_id: Id = None
    revenue: Number = None
    currency: str | None = None
    payment_method: Scalar = None
    total_quantity: Scalar = None
    tax: Scalar = None
    shipping: Scalar = None
    discount_code: Scalar = None
    discount_amount: Scalar = None
    credit_order: Scalar = None


class TransactionError(msgspec.Struct, gc=False):
    """Why an order failed."""

    error_code: Scalar = None
    error_shortcode: Scalar = None
    error_description: Scalar = None
    error_type: Scalar = None
    resolution: Scalar = None


class Refund(msgspec.Struct, gc=False):
    """Money given back for an order."""

    transaction_id: Id = None
    refund_amount: Number = None
    currency: str | None = None
    refund_reason: Scalar = None


class CheckoutStep(msgspec.Struct, gc=False):
    """A step of the checkout. Addresses, postcodes and the opt-in to marketing are not read."""

    step: Scalar = None
    coupon_code: Scalar = None
    delivery_provider: Scalar = None
    delivery_method: Scalar = None
    account_type: Scalar = None
    payment_method: Scalar = None
    proof_of_payment: Scalar = None


class Promotion(msgspec.Struct, gc=False):
    """A banner inside of the shop."""

    id: Scalar = None
    name: Scalar = None
    position: Scalar = None
    creative_id: Scalar = None
    type: Scalar = None
    slot: Scalar = None


class Page(msgspec.Struct, gc=False):
    """The kind of page, and the language it was shown in."""

    type: Scalar = None
    locale: str | None = None
    language: str | None = None


class User(msgspec.Struct, gc=False):
    """The customer as the shop knows her; the e-mail address is not read."""

    id: Id = None
    is_guest: bool | None = None


class Session(msgspec.Struct, gc=False):
    """The session as the device counts it."""

    user_id: Id = msgspec.field(name="userId", default=None)
    session_id: Id = msgspec.field(name="sessionId", default=None)
    session_index: Number = msgspec.field(name="sessionIndex", default=None)
    event_index: Number = msgspec.field(name="eventIndex", default=None)


class Mobile(msgspec.Struct, gc=False):
    """The phone. What would follow it about (advertising and vendor ids) is not read."""

    language: str | None = None


class Entities(msgspec.Struct, gc=False):
    """The entities of an event, each kind in the order of the event; named as their schemas."""

    product: list[Product] | None = None
    cart: list[Cart] | None = None
    transaction: list[Transaction] | None = None
    transaction_error: list[TransactionError] | None = None
    refund: list[Refund] | None = None
    checkout_step: list[CheckoutStep] | None = None
    promotion: list[Promotion] | None = None
    page: list[Page] | None = None
    user: list[User] | None = None
    client_session: list[Session] | None = None
    mobile_context: list[Mobile] | None = None


# Only the first number of a version says that fields changed their meaning.
SCHEMAS: Final[dict[str, tuple[str, type[msgspec.Struct]]]] = {
    f"{SHOP}product/1": ("product", Product),
    f"{SHOP}cart/1": ("cart", Cart),
    f"{SHOP}transaction/1": ("transaction", Transaction),
    f"{SHOP}transaction_error/1": ("transaction_error", TransactionError),
    f"{SHOP}refund/1": ("refund", Refund),
    f"{SHOP}checkout_step/1": ("checkout_step", CheckoutStep),
    f"{SHOP}promotion/1": ("promotion", Promotion),
    f"{SHOP}page/1": ("page", Page),
    f"{SHOP}user/1": ("user", User),
    f"{SNOWPLOW}client_session/1": ("client_session", Session),
    f"{SNOWPLOW}mobile_context/1": ("mobile_context", Mobile),
}
Decode = Callable[[bytes | msgspec.Raw], Any]

_DECODERS: Final[dict[str, tuple[str, Decode]]] = {
    key: (name, msgspec.json.Decoder(shape).decode) for key, (name, shape) in SCHEMAS.items()
}


class Described(msgspec.Struct, gc=False):
    """Data with the address of its schema."""

    schema: str
    data: msgspec.Raw


class Contexts(msgspec.Struct, gc=False):
    """The envelope of an event's entities."""

    data: list[Described]


# What a decoder raises; of data that were only passed over before, not even their encoding has been looked at.
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError)

_contexts: Final = msgspec.json.Decoder(Contexts).decode


class Schema(msgspec.Struct, frozen=True):
    """The address of a schema, without the part of its version that changes no meaning."""

    key: str  # vendor/name/major
    name: str


def schema_of(address: str) -> Schema | None:
    """Return the schema of an address such as `iglu:vendor/name/jsonschema/1-0-2`, None for what is none."""
    match = _SCHEMA.fullmatch(address)
    return Schema(f"{match[1]}/{match[2]}/{match[3]}", match[2]) if match else None


@lru_cache(maxsize=1024)
def _known(schema: str) -> tuple[str, Decode] | None:
    found = schema_of(schema)
    return _DECODERS.get(found.key) if found else None


def add_contexts(entities: Entities, value: bytes, field: str) -> None:
    """Add the entities of an envelope in JSON that are known here; the others are passed over.

    `field` names the envelope, an entity that is wrong is named by itself: `product[1].price`.
    """
    refuse_deep(value, field)
    try:
        found = _contexts(value).data
    except UNREADABLE:
        found = named(value, _contexts, field).data
    for described in found:
        schema = described.schema
        known = _known(schema if len(schema) <= SCHEMA_CHARS_MAX else "")
        if known is None:
            continue
        name, decode = known
        before = getattr(entities, name)
        try:
            entity = decode(described.data)
        except UNREADABLE:
            entity = named(bytes(described.data), decode, f"{name}[{len(before or ())}]")
        if before is None:
            setattr(entities, name, [entity])
        else:
            before.append(entity)


def named(value: bytes, decode: Callable[[bytes], Shape], field: str) -> Shape:
    """Decode JSON inside of a field the careful way: names what is wrong, and of a repeated key the last wins."""
    try:
        return decode(msgspec.json.encode(document(value)))
    except Refused as refused:
        raise refused.under(field) from None
    except msgspec.ValidationError as error:
        raise refused_by_type(error).under(field) from error
