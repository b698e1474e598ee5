"""What is known about customers: the typed records of the fact topics."""

from __future__ import annotations

from typing import Any

import msgspec

CHANNELS = ("push", "email", "sms", "in_app", "web", "in_store")
ANY_CHANNEL = "*"
CONSENT_STATES = ("granted", "withdrawn", "denied", "pending", "expired")
MARKETING, SENSING, PROCESSING = "marketing", "sensing", "processing"
CATEGORY_PURPOSE_PREFIX = "category/"
SIGNAL_PREFIX = "signal/"
"""What the source of a consent begins with that a producer's signal caused, not a word of the customer's own."""
OUTCOMES = (
    "delivered",
    "opened",
    "clicked",
    "dismissed",
    "not_interested",
    "why_opened",
    "unsubscribed",
    "complained",
    "bounced",
    "uninstalled",
    "converted",
)
OPT_OUTS = COMPLAINED, UNSUBSCRIBED = ("complained", "unsubscribed")
"""The outcomes that withdraw the channel that a message came by."""
PRIVACY_KINDS = ("export", "erase", "object")
TRAITS_MAX = 32


class ConsentChange(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="fact", tag="consent"):
    """One row of the consent ledger: a state of one purpose on one channel (`*`: all), from `at_ms` on."""

    customer_id: str
    channel: str
    purpose: str
    state: str
    at_ms: int
    expires_at_ms: int | None = None
    source: str = ""
    text_version: str = ""


class Preferences(msgspec.Struct, frozen=True, omit_defaults=True):
    """The customer's own pace. None means: not said in this record."""

    nudges_per_week_max: int | None = None
    muted_categories: tuple[str, ...] | None = None
    paused_until_ms: int | None = None
    channels_off: tuple[str, ...] | None = None


class ProfileChange(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="fact", tag="profile"):
    """A partial profile: each field that is set replaces what was known; traits are merged by name."""

    customer_id: str
    at_ms: int
    timezone: str | None = None
    locale: str | None = None
    traits: dict[str, str | int | float | bool | list[str]] = {}
    preferences: Preferences | None = None
    shared: tuple[str, ...] | None = None
    minor: bool | None = None
    facts: tuple[dict[str, Any], ...] = ()
    life_events: tuple[dict[str, Any], ...] = ()


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="fact", tag="outcome"):
    """What became of a nudge, by its id; `nudge_id` may be empty where a dialect cannot carry it."""

    nudge_id: str
    customer_id: str
    kind: str
    at_ms: int
    channel: str | None = None


class PrivacyRequest(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="fact", tag="privacy"):
    """A customer's request under the law: `export`, `erase` or `object`."""

    request_id: str
    customer_id: str
    kind: str
    at_ms: int


Fact = ConsentChange | ProfileChange | Outcome | PrivacyRequest
