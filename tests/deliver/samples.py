"""Nudges as their topics carry them."""

from __future__ import annotations

from typing import Any

import msgspec

from streamproc.core.record import Record
from streamproc.deliver.parcel import Parcel, open_parcel
from tests.core.shopper import HOUR_MS, NOON_MS

NUDGE_ID = "5f0c1d2e3a4b5c6d7e8f901234567890"
LINKS = {
    "why": "https://shop.example/why/5f0c",
    "mute": "https://shop.example/mute/5f0c",
    "unsubscribe": "https://shop.example/stop/5f0c",
}
CONTENT: dict[str, dict[str, Any]] = {
    "email": {
        "subject": "Your basket is saved",
        "text": "It is there when you want it.\n",
        "html": "<p>It is there when you want it.</p>",
        "headers": {
            "List-Unsubscribe": f"<{LINKS['unsubscribe']}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    },
    "push": {"title": "Still there", "body": "Your basket is saved.", "data": {}},
    "sms": {
        "text": "Your basket is saved. Stop: https://shop.example/stop/5f0c",
        "segments": 1,
        "encoding": "gsm7",
    },
    "in_app": {
        "title": "Still there",
        "body": "Your basket is saved.",
        "action_url": "https://shop.example/basket",
    },
    "in_store": {"text": "Coats are reduced."},
}


def nudge(channel: str = "push", content: dict[str, Any] | None = None, **changed: Any) -> dict[str, Any]:
    value = {
        "nudge_id": NUDGE_ID,
        "customer_id": "c-17",
        "channel": channel,
        "campaign": "abandoned_cart",
        "category": "coats",
        "decided_at_ms": NOON_MS,
        "expires_at_ms": NOON_MS + HOUR_MS,
        "content": CONTENT[channel] | (content or {}),
        "controls": LINKS,
        "reason": "You put it there.",
    }
    return value | changed


def parcel(channel: str = "push", content: dict[str, Any] | None = None, **changed: Any) -> Parcel:
    value = msgspec.json.encode(nudge(channel, content, **changed))
    found = open_parcel(Record(f"nudges.{channel}", 3, 7, NOON_MS, False, b"c-17", value), channel)
    assert found is not None
    return found
