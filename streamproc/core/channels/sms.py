"""Short messages."""

from __future__ import annotations

from typing import Final

from streamproc.core.channels.message import Message, RenderCode, RenderError
from streamproc.core.gsm import measure

SEGMENTS_MAX: Final = 3


def write_sms(message: Message) -> dict[str, object]:
    """Write a short message: always with how to stop it, and with the reason while that fits what we pay."""
    text = message.fields["text"]
    stop = f"{message.labels['unsubscribe']}: {message.frame.controls['unsubscribe']}"
    whole, short = f"{text} {message.frame.reason} {stop}", f"{text} {stop}"
    fits = message.is_soft or measure(whole).segments <= SEGMENTS_MAX
    chosen = whole if fits else short
    size = measure(chosen)
    if size.segments > SEGMENTS_MAX:
        raise RenderError(RenderCode.TOO_LONG, f"{size.segments} of {SEGMENTS_MAX} segments")
    return {"text": chosen, "segments": size.segments, "encoding": size.encoding}
