"""How a text travels as SMS: its encoding, and the number of segments that are paid for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

# 3GPP TS 23.038, 6.2.1: one septet each ...
_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# ... and those of the extension table, which an escape precedes: two septets.
_EXTENSION: Final = frozenset("^{}\\[~]|€\f")

# A message of its own takes 140 bytes; one of several gives 6 of them to the header that joins them.
GSM7_SINGLE, GSM7_JOINED = 160, 153
UCS2_SINGLE, UCS2_JOINED = 70, 67


@dataclass(frozen=True)
class Sms:
    """What a text costs: `units` are septets in gsm7, 16-bit units in ucs2."""

    encoding: Literal["gsm7", "ucs2"]
    units: int
    segments: int


def measure(text: str) -> Sms:
    """Choose the encoding of a text and count its segments.

    One character outside GSM-7 makes the whole text UCS-2. An escape and its character, or the two halves of a
    character beyond the basic plane, are never torn apart, so a segment may end one unit early.
    """
    if all(char in _BASIC or char in _EXTENSION for char in text):
        widths = [2 if char in _EXTENSION else 1 for char in text]
        return _measured("gsm7", widths, GSM7_SINGLE, GSM7_JOINED)
    widths = [2 if ord(char) > 0xFFFF else 1 for char in text]  # noqa: PLR2004 - the end of the basic plane
    return _measured("ucs2", widths, UCS2_SINGLE, UCS2_JOINED)


def _measured(encoding: Literal["gsm7", "ucs2"], widths: list[int], single: int, joined: int) -> Sms:
    units = sum(widths)
    if units <= single:
        return Sms(encoding, units, 1)
    segments, used = 1, 0
    for width in widths:
        if used + width > joined:
            segments, used = segments + 1, 0
        used += width
    return Sms(encoding, units, segments)
