"""Say reasons in the words of people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from streamproc.ops.demo.calendar import shown, shown_day

__all__ = ["label", "numbers", "sentence", "spoken"]

_LABELS: Final = {
    "all_off": "everything switched off",
    "campaign_off": "campaign switched off",
    "below_floor": "not important enough",
    "hold": "said stop",
    "paused": "asked for a pause",
    "category_muted": "muted this category",
    "special_category_without_consent": "a private matter",
    "sensing_not_consented": "no consent to sensing",
    "third_party_flow": "known from elsewhere only",
    "about_somebody_else": "about somebody else",
    "life_event_suppressed": "not at such a time",
    "minor_or_unknown_age_restricted": "age not known",
    "shared_device_private_category": "shared device",
    "intent_fulfilled": "bought already",
    "item_unavailable": "out of stock",
    "visit_cap": "had one this visit",
    "gap": "too soon after another",
    "frequency_cap": "cap reached",
    "exclusive_group": "heard another of its kind",
    "spend_cap": "the day's money is spent",
    "pace": "too many at once",
    "restraint_full": "memory of caps full",
    "channel_off": "channel switched off",
    "channel_turned_off_by_customer": "turned this channel off",
    "channel_not_opted_in": "not opted in",
    "quiet_hours": "quiet hours",
    "zone_unknown": "time zone unknown",
    "fact_missing": "fact missing",
    "copy_failed": "words failed",
    "plugin_off": "plug-in switched off",
    "creep": "too personal",
    "outranked": "another was better",
    "held_out": "held out, to measure by",
    "expired": "its time was over",
    "cancelled": "it was done already",
    "stale": "no longer true when its time came",
    "too_late": "its time had long passed",
}
_INSTANT: Final = re.compile(r"\b\d{13}\b")
_CONSENTS: Final = frozenset({"channel_not_opted_in", "sensing_not_consented"})
_CONSENT: Final = re.compile(r"(?:(?P<what>\w+): \S+|\*/(?P<purpose>\w+)): (?P<state>.*)")
_CLEAR: Final = _CONSENTS | {
    "frequency_cap",
    "gap",
    "minor_or_unknown_age_restricted",
    "quiet_hours",
    "zone_unknown",
}
"""Reasons whose numbers speak for themselves."""


def label(code: str) -> str:
    """Return a reason's code in a few words."""
    return _LABELS.get(code, code)


def sentence(why: Mapping[str, Any]) -> str:
    """Say one reason with the numbers that were compared."""
    said = numbers(why)
    if why["code"] in _CLEAR or not said:
        return said or label(why["code"])
    return f"{label(why['code'])}: {said}"


def numbers(why: Mapping[str, Any]) -> str:
    """Say what was compared for one reason, to be read beside its label."""
    code, detail = why["code"], str(why.get("detail", ""))
    if code == "quiet_hours" and "next_at_ms" in why:
        return f"{detail.partition(' ')[0]}: quiet hours until {shown(why['next_at_ms'])}"
    if code == "zone_unknown":
        return f"{detail}, time zone unknown"
    if code in _CONSENTS and (found := _CONSENT.fullmatch(detail)):
        what = found["what"] or found["purpose"]
        return f"{what}: {'not agreed to' if found['state'] == 'unknown' else _with_times(found['state'])}"
    return _with_times(detail)


def spoken(nudge: Mapping[str, Any]) -> str:
    """Return the words of a nudge in one line, whatever its channel, without the reason that ends them."""
    content = nudge["content"]
    title = content.get("title") or content.get("subject") or ""
    body = content.get("body") or ("" if title else content.get("text")) or ""
    body = str(body).removesuffix(str(nudge["reason"])).strip()
    return ": ".join(part for part in (str(title), body) if part)


def _with_times(detail: str) -> str:
    return _INSTANT.sub(lambda found: shown_day(int(found[0])), detail)
