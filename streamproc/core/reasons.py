"""Why a nudge was not sent: the closed list of gates, in the order in which they stand."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Gate(StrEnum):
    """A gate that a candidate must pass; its value is the `code` of a reason and a metric label."""

    # May we at all?
    ALL_OFF = "all_off"
    CAMPAIGN_OFF = "campaign_off"
    PLUGIN_OFF = "plugin_off"
    BELOW_FLOOR = "below_floor"
    HOLD = "hold"
    PAUSED = "paused"
    CATEGORY_MUTED = "category_muted"
    SPECIAL_CATEGORY = "special_category_without_consent"
    SENSING = "sensing_not_consented"
    THIRD_PARTY = "third_party_flow"
    ABOUT_OTHER = "about_somebody_else"
    LIFE_EVENT = "life_event_suppressed"
    ADULTS_ONLY = "minor_or_unknown_age_restricted"
    SHARED_DEVICE = "shared_device_private_category"
    INTENT_FULFILLED = "intent_fulfilled"
    ITEM_UNAVAILABLE = "item_unavailable"
    TOO_LATE = "too_late"
    # How often?
    VISIT_CAP = "visit_cap"
    GAP = "gap"
    FREQUENCY_CAP = "frequency_cap"
    EXCLUSIVE_GROUP = "exclusive_group"
    RESTRAINT_FULL = "restraint_full"
    # On this channel?
    CHANNEL_OFF = "channel_off"
    SPEND_CAP = "spend_cap"
    PACE = "pace"
    CHANNEL_DECLINED = "channel_turned_off_by_customer"
    NOT_OPTED_IN = "channel_not_opted_in"
    QUIET_HOURS = "quiet_hours"
    ZONE_UNKNOWN = "zone_unknown"
    # With these words?
    FACT_MISSING = "fact_missing"
    COPY_FAILED = "copy_failed"
    CREEP = "creep"
    # Among the others, and at hand-over
    OUTRANKED = "outranked"
    HELD_OUT = "held_out"
    EXPIRED = "expired"
    # Of what was waited for
    CANCELLED = "cancelled"
    STALE = "stale"


class Why(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One gate that failed: `detail` holds the numbers compared, `next_at_ms` when it could pass, if that is known."""

    code: Gate
    detail: str = ""
    next_at_ms: int | None = None
