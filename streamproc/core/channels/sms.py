"""Short messages."""

from __future__ import annotations

from typing import Final

from streamproc.core.channels.message import Message, RenderCode, RenderError
from streamproc.core.gsm import measure, plain

STOP: Final = "stop"  # the label that tells how to answer, such as "Reply STOP to end"


def write_sms(message: Message) -> dict[str, object]:
    """Write a short message: always with how to stop it, and with the reason while that fits what is paid.

    Raises RenderError: without a way to stop it, and with more segments than the policy pays for, nothing is sent.
    """
    text, stop = message.fields["text"], _stop(message)
    most = message.channel.segments_max
    whole, short = plain(f"{text} {message.frame.reason} {stop}"), plain(f"{text} {stop}")
    chosen = whole if message.is_soft or measure(whole).segments <= most else short
    size = measure(chosen)
    if size.segments > most:
        raise RenderError(RenderCode.TOO_LONG, f"{size.segments} of {most} segments")
    return {"text": chosen, "segments": size.segments, "encoding": size.encoding}


def _stop(message: Message) -> str:
    """Say how to stop: by the answer that the policy words, or by the link. It stands last, where people look."""
    if answer := message.labels.get(STOP):
        return answer
    label, link = message.labels.get("unsubscribe", ""), message.frame.controls["unsubscribe"]
    if not label:
        raise RenderError(RenderCode.CONTROL_MISSING, STOP)
    return f"{label}: {link}"
