"""Messages for phones."""

from __future__ import annotations

from typing import Final

from streamproc.core.channels.message import TITLE_CHARS_MAX, Message, fitting

BODY_CHARS_MAX: Final = 240  # four lines of a lock screen
COLLAPSE_KEY_CHARS_MAX: Final = 64  # what APNs takes


def write_push(message: Message) -> dict[str, object]:
    """Write a push. It cannot show links, so they travel in its data, where the app makes buttons of them."""
    frame = message.frame
    return {
        "title": fitting(message.fields["title"], TITLE_CHARS_MAX),
        "body": message.with_reason(message.fields["body"], BODY_CHARS_MAX),
        "data": {
            "nudge_id": frame.nudge_id,
            "action": message.action,
            "reason": frame.reason,
            **frame.controls,
        },
        "collapse_key": message.campaign[:COLLAPSE_KEY_CHARS_MAX],
        "interruption_level": "passive" if message.is_soft else "active",
    }
