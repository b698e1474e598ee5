"""Messages for phones, within what Apple's and Google's services carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from streamproc.core.channels.message import (
    TITLE_CHARS_MAX,
    Message,
    RenderCode,
    RenderError,
    fitting,
)

BODY_CHARS_MAX: Final = 240  # four lines of a lock screen
# What each service takes of one message: APNs of a notification's JSON, FCM of notification and data.
PAYLOAD_BYTES_MAX: Final = 4_096
COLLAPSE_KEY_BYTES_MAX: Final = 64  # apns-collapse-id


def write_push(message: Message) -> dict[str, object]:
    """Write a push. It cannot show links, so they travel in its data, where the app makes buttons of them.

    Nothing is cut to fit: what is too long is refused, since half a sentence may say another thing than the whole.
    Raises RenderError.
    """
    frame = message.frame
    content: dict[str, object] = {
        "title": fitting(message.fields["title"], TITLE_CHARS_MAX),
        "body": message.with_reason(message.fields["body"], BODY_CHARS_MAX),
        "data": {
            "nudge_id": frame.nudge_id,
            "action": message.action,
            "reason": frame.reason,
            **frame.controls,
        },
        # A newer message of a campaign takes the place of an older one that was not read yet.
        "collapse_key": message.campaign,
        # Never time-sensitive, which would break through the silence that somebody asked a phone for.
        "interruption_level": "passive" if message.is_soft else "active",
        "expires_at_ms": frame.expires_at_ms,
    }
    assert len(message.campaign.encode()) <= COLLAPSE_KEY_BYTES_MAX, (
        "names of campaigns have 48 characters at most"
    )
    size = {"apns": _bytes(apns_payload(content)), "fcm": _bytes(fcm_message(content))}
    if max(size.values()) > PAYLOAD_BYTES_MAX:
        raise RenderError(RenderCode.TOO_LONG, f"{max(size.values())} of {PAYLOAD_BYTES_MAX} bytes")
    return {**content, "payload_bytes": size}


def apns_payload(content: Mapping[str, Any]) -> dict[str, Any]:
    """Build the JSON that Apple's service takes.

    Its headers are `apns-push-type: alert`, `apns-collapse-id`: the collapse key, and `apns-expiration`: the expiry in
    whole seconds.
    """
    alert = {"title": content["title"], "body": content["body"]}
    return {"aps": {"alert": alert, "interruption-level": content["interruption_level"]}, **content["data"]}


def fcm_message(content: Mapping[str, Any]) -> dict[str, Any]:
    """Build the part of a message that counts for Google's service (HTTP v1).

    `android.collapse_key` is the collapse key; `android.ttl` is what is left until the expiry when it is handed over.
    """
    return {
        "notification": {"title": content["title"], "body": content["body"]},
        "data": dict(content["data"]),
        "android": {"collapse_key": content["collapse_key"]},
    }


def _bytes(payload: Mapping[str, Any]) -> int:
    """Count the bytes of JSON in UTF-8 without spaces. A service that escapes what is not ASCII needs more."""
    return len(msgspec.json.encode(payload))
