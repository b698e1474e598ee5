"""Messages in the store, for its staff or a display."""

from __future__ import annotations

from typing import Final

from streamproc.core.channels.message import Message

CHARS_MAX: Final = 300


def write_in_store(message: Message) -> dict[str, object]:
    """Write what the staff may say or a display may show."""
    return {"text": message.with_reason(message.fields["text"], CHARS_MAX)}
