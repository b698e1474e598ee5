"""Messages in the store, for its staff or a display."""

from __future__ import annotations

from typing import Final

from streamproc.core.channels.message import Message, fitting

CHARS_MAX: Final = 300
DISPLAY: Final = "display"


def write_in_store(message: Message) -> dict[str, object]:
    """Write what the staff may say or a display may show: never a name, and nothing that a customer declared.

    A display shows the words alone. The reason would tell bystanders what somebody did; it stands in the nudge.
    Raises RenderError where it is too long.
    """
    text = message.fields["text"]
    if message.channel.form == DISPLAY:
        return {"text": fitting(text, CHARS_MAX)}
    return {"text": message.with_reason(text, CHARS_MAX)}
