"""Messages for mailboxes."""

from __future__ import annotations

from html import escape
from typing import Final

from streamproc.core.channels.message import CONTROLS, TITLE_CHARS_MAX, Message, fitting

CHARS_MAX: Final = 30_000


def write_email(message: Message) -> dict[str, object]:
    """Write a mail: a text, the same as HTML, and the headers that let mail programs unsubscribe in one step."""
    fields, controls, reason = message.fields, message.frame.controls, message.frame.reason
    links = "\n".join(f"{message.labels[name]} {controls[name]}" for name in CONTROLS)
    text = f"{fields['text']}\n\n{reason}\n{links}\n"
    inner = fields.get("html") or "".join(f"<p>{escape(part)}</p>" for part in fields["text"].split("\n\n"))
    anchors = " ".join(
        f'<a href="{escape(controls[name])}">{escape(message.labels[name])}</a>' for name in CONTROLS
    )
    return {
        "subject": fitting(fields["subject"], 2 * TITLE_CHARS_MAX),
        "text": fitting(text, CHARS_MAX),
        "html": fitting(f"{inner}<p>{escape(reason)} {anchors}</p>", CHARS_MAX),
        # RFC 8058: the mail program itself can unsubscribe, in one step.
        "headers": {
            "List-Unsubscribe": f"<{controls['unsubscribe']}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    }
