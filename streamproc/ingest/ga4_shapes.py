"""The shapes in which GA4 events arrive, with the fields that are read."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from streamproc.core.event import Reason
from streamproc.ingest.ga4_params import Offer, Params
from streamproc.ingest.refusal import Refused
from streamproc.ingest.scalars import Id
from streamproc.ingest.times import Micros, Time

_NOT_SET: Final = "(not set)"  # BigQuery's export has it for what was never sent


class _State(msgspec.Struct, gc=False, omit_defaults=True):
    granted: dict[str, Any] | None = msgspec.field(name="consentGrantedState", default=None)


class _System(msgspec.Struct, gc=False, omit_defaults=True):
    request_start_time_ms: Micros = None
    gcd: Any = None
    consent: _State | None = None


class Hit(Params, gc=False, omit_defaults=True):
    """A hit of a server-side tag manager: parameters and sender side by side."""

    event_name: str | None = None
    protocol_version: Any = msgspec.field(name="x-ga-protocol_version", default=None)
    measurement_id: Any = msgspec.field(name="x-ga-measurement_id", default=None)
    client_id: Id = None
    user_id: Id = None
    system: _System | None = msgspec.field(name="x-sst-system_properties", default=None)
    app_instance_id: Id = None
    gcs: Any = msgspec.field(name="x-ga-gcs", default=None)
    gcd: Any = msgspec.field(name="x-ga-gcd", default=None)
    mp2_gcd: Any = msgspec.field(name="x-ga-mp2-gcd", default=None)
    npa: Any = msgspec.field(name="x-ga-npa", default=None)
    timestamp_micros: Micros = None
    consent: Any = None
    ad_storage: Any = None
    analytics_storage: Any = None
    ad_user_data: Any = None
    ad_personalization: Any = None


class GlancedHit(Hit, gc=False):
    """The same where no other dialect can take the payload for its own: their fields are not there."""

    specversion: None = None
    batch: None = None
    message_id: None = msgspec.field(name="messageId", default=None)
    message_id_snake: None = msgspec.field(name="message_id", default=None)


class Forwarded(msgspec.Struct, gc=False):
    """A record of a collector behind a tag manager: `data` is the JSON text of one hit or of a list of them."""

    data: str | None = None
    timestamp: Time = None
    server_ingest_time: Micros = None
    compression: str | None = None


class GlancedForwarded(Forwarded, gc=False):
    """As with a hit."""

    specversion: None = None
    batch: None = None
    message_id: None = msgspec.field(name="messageId", default=None)
    message_id_snake: None = msgspec.field(name="message_id", default=None)


class Named(msgspec.Struct, gc=False):
    """One event of a request."""

    name: str | None = None
    params: Params | None = None
    timestamp_micros: Micros = None


class _Device(msgspec.Struct, gc=False):
    language: str | None = None


class Request(msgspec.Struct, gc=False):
    """A request of the Measurement Protocol."""

    client_id: Id = None
    app_instance_id: Id = None
    user_id: Id = None
    timestamp_micros: Micros = None
    consent: dict[str, Any] | None = None
    non_personalized_ads: bool | None = None
    device: _Device | None = None
    events: list[Any] | None = None


class GlancedRequest(Request, gc=False):
    """The same with its events, where all of them are well-formed; as with a hit."""

    events: list[Named] | None = None
    specversion: None = None
    batch: None = None
    message_id: None = msgspec.field(name="messageId", default=None)
    message_id_snake: None = msgspec.field(name="message_id", default=None)


class _Value(msgspec.Struct, gc=False):
    string_value: str | None = None
    int_value: int | str | None = None
    float_value: float | None = None
    double_value: float | None = None


class _Param(msgspec.Struct, gc=False):
    key: str | None = None
    value: _Value | None = None


class _Ecommerce(msgspec.Struct, gc=False):
    transaction_id: Id = None


class Row(msgspec.Struct, gc=False):
    """A row of BigQuery's export."""

    event_timestamp: Micros = None
    event_name: str | None = None
    event_params: list[_Param] | None = None
    user_id: Id = None
    user_pseudo_id: Id = None
    privacy_info: dict[str, Any] | None = None
    device: _Device | None = None
    platform: str | None = None
    ecommerce: _Ecommerce | None = None
    items: list[Offer] | None = None


class GlancedRow(Row, gc=False):
    """As with a hit."""

    specversion: None = None
    batch: None = None
    message_id: None = msgspec.field(name="messageId", default=None)
    message_id_snake: None = msgspec.field(name="message_id", default=None)


def params_of(row: Row) -> dict[str, Any]:
    """Return the parameters of a row by their names, as the other shapes have them; of a repeated name the last."""
    found: dict[str, Any] = {}
    for place, param in enumerate(row.event_params or ()):
        value = param.value
        if not param.key or value is None:
            continue
        if value.string_value is not None:
            if value.string_value != _NOT_SET:
                found[param.key] = value.string_value
        elif value.int_value is not None:
            found[param.key] = _whole(value.int_value, place)
        else:
            found[param.key] = value.double_value if value.float_value is None else value.float_value
    return found


def _whole(value: int | str, place: int) -> int:
    """Return a 64-bit integer, which BigQuery's own JSON has as text."""
    try:
        return int(value)
    except ValueError:
        field = f"event_params[{place}].value.int_value"
        raise Refused(Reason.WRONG_TYPE, field, "expected a whole number") from None


def complete(params: Params, row: Row) -> None:
    """Add to a row's parameters what the export puts beside them, without what was never sent."""
    if row.items:
        for offer in row.items:
            for field in Offer.__struct_fields__:
                if getattr(offer, field) == _NOT_SET:
                    setattr(offer, field, None)
        params.items = row.items
    if params.transaction_id is None and row.ecommerce is not None:
        transaction_id = row.ecommerce.transaction_id
        params.transaction_id = None if transaction_id == _NOT_SET else transaction_id
