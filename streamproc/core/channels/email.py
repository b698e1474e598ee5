"""Messages for mailboxes."""

from __future__ import annotations

import re
from html import escape
from typing import Final

from streamproc.core.channels.message import CONTROLS, TITLE_CHARS_MAX, Message, fitting
from streamproc.core.values import shortened

CHARS_MAX: Final = 30_000
PREHEADER_CHARS_MAX: Final = 120
# What mail programs show beside the subject, and what must not stand above the message itself.
_HIDDEN: Final = "display:none;max-height:0;overflow:hidden"
_NUDGE_ID: Final = "{nudge_id}"


def write_email(message: Message) -> dict[str, object]:
    """Write a mail: a text, the same as HTML, a preheader, and the headers that unsubscribe in one step (RFC 8058).

    All that is not the author's own HTML is escaped. Raises RenderError where it is too long.
    """
    fields, controls, reason = message.fields, message.frame.controls, message.frame.reason
    links = "\n".join(f"{message.labels[name]} {controls[name]}" for name in CONTROLS)
    text = fitting(f"{fields['text']}\n\n{reason}\n{links}\n", CHARS_MAX)
    paragraphs = re.split(r"\n\s*\n", fields["text"])
    beginning = " ".join(paragraphs[0].split())
    preheader = shortened(fields.get("preheader") or beginning, PREHEADER_CHARS_MAX)
    inner = fields.get("html") or "".join(_paragraph(part) for part in paragraphs)
    anchors = " ".join(
        f'<a href="{escape(controls[name])}">{escape(message.labels[name])}</a>' for name in CONTROLS
    )
    html = (
        f'<div lang="{escape(message.frame.locale)}" dir="{message.direction}">'
        f'<div style="{_HIDDEN}">{escape(preheader)}</div>'
        f"{inner}<p>{escape(reason)} {anchors}</p></div>"
    )
    return {
        "subject": fitting(fields["subject"], 2 * TITLE_CHARS_MAX),
        "preheader": preheader,
        "text": text,
        "html": fitting(html, CHARS_MAX),
        "headers": {
            "List-Unsubscribe": _unsubscribe(message),
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    }


def _paragraph(text: str) -> str:
    return f"<p>{escape(text).replace(chr(10), '<br>')}</p>"


def _unsubscribe(message: Message) -> str:
    """Name the ways to unsubscribe; the https address comes first, since programs take the first that they know."""
    link = f"<{message.frame.controls['unsubscribe']}>"
    mailto = message.channel.unsubscribe_mailto.replace(_NUDGE_ID, message.frame.nudge_id)
    return f"{link}, <{mailto}>" if mailto else link
