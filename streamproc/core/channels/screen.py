"""Messages inside the app and on the site."""

from __future__ import annotations

import html
from typing import Final

from streamproc.core.channels.message import TITLE_CHARS_MAX, Message, fitting

BODY_CHARS_MAX: Final = 600


def write_screen(message: Message) -> dict[str, object]:
    """Write a message that the shop's own app or site shows.

    Title and body are plain text, for an app or for `textContent`; escaped, they stand beside it for a page that is put
    together as HTML, where nothing that a shop calls an item may become markup. The action is a path of the shop's own
    or an address that the policy allows. Raises RenderError where it is too long.
    """
    title = fitting(message.fields["title"], TITLE_CHARS_MAX)
    body = message.with_reason(message.fields["body"], BODY_CHARS_MAX)
    return {
        "title": title,
        "body": body,
        "title_html": html.escape(title),
        "body_html": html.escape(body),
        "action_url": message.action,
    }
