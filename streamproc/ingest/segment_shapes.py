"""The shapes of Segment's and RudderStack's calls, with the fields that are read."""

from __future__ import annotations

from typing import Any

import msgspec

from streamproc.ingest.consent_signals import Consent, Managed, Tcf
from streamproc.ingest.product_shapes import Properties
from streamproc.ingest.scalars import Id, Scalar
from streamproc.ingest.times import Time


class Page(msgspec.Struct, gc=False):
    """The page of a browser."""

    url: str | None = None


class Library(msgspec.Struct, gc=False):
    """The library that made the call."""

    name: str | None = None


class Device(msgspec.Struct, gc=False):
    """The phone. Its advertising id and its push token are addresses, which are for services that deliver."""

    type: str | None = None
    id: Id = None
    ad_tracking_enabled: Scalar = msgspec.field(name="adTrackingEnabled", default=None)


class Campaign(msgspec.Struct, gc=False):
    """Whose advertisement led here. A parameter that an address repeats arrives as a list; it is left out."""

    name: Any = None
    source: Any = None
    medium: Any = None
    term: Any = None
    content: Any = None


class Context(msgspec.Struct, gc=False):
    """What surrounds a call."""

    page: Page | None = None
    library: Library | None = None
    locale: str | None = None
    timezone: str | None = None
    device: Device | None = None
    session_id: Id = msgspec.field(name="sessionId", default=None)
    session_id_snake: Id = msgspec.field(name="session_id", default=None)
    consent: Consent | None = None
    consent_managed: Managed | None = msgspec.field(name="consentManagement", default=None)
    traits: Tcf | None = None
    campaign: Campaign | None = None
    gpc: Scalar = None
    sec_gpc: Scalar = None


class Call(msgspec.Struct, gc=False):
    """One call, its fields in the order in which the libraries send them."""

    type: str | None = None
    message_id: Id = msgspec.field(name="messageId", default=None)
    anonymous_id: Id = msgspec.field(name="anonymousId", default=None)
    user_id: Id = msgspec.field(name="userId", default=None)
    event: str | None = None
    properties: Properties | None = None
    context: Context | None = None
    channel: str | None = None
    timestamp: Time = None
    original_timestamp: Time = msgspec.field(name="originalTimestamp", default=None)
    sent_at: Time = msgspec.field(name="sentAt", default=None)
    received_at: Time = msgspec.field(name="receivedAt", default=None)
    traits: dict[str, Any] | None = None
    action: str | None = None
    message_id_snake: Id = msgspec.field(name="message_id", default=None)
    user_id_snake: Id = msgspec.field(name="user_id", default=None)
    anonymous_id_snake: Id = msgspec.field(name="anonymous_id", default=None)
    group_id: Id = msgspec.field(name="groupId", default=None)
    previous_id: Id = msgspec.field(name="previousId", default=None)
    name: Scalar = None
    category: Scalar = None
    gpc: Scalar = None
    sec_gpc: Scalar = None
    to: Id = None
    from_: Id = msgspec.field(name="from", default=None)


class Glance(Call, gc=False):
    """A record decoded at once as what it probably is, with the fields that would tell otherwise."""

    batch: list[msgspec.Raw] | None = None
    specversion: Any = None


NO_CONTEXT = Context()


def within_batch(context: Context | None, batch: Context) -> Context:
    """Return a call's context with what the context of its batch adds."""
    if context is None:
        return batch
    for field in Context.__struct_fields__:
        if getattr(context, field) is None:
            setattr(context, field, getattr(batch, field))
    return context


def json_of(value: bytes | msgspec.Raw) -> bytes:
    """Return a call of a batch as bytes. To msgspec's stubs it is that already, which compiled code would believe."""
    return bytes(value)
