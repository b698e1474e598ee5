"""How a text travels as SMS: its encoding, and the parts that are paid for, each on its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

# 3GPP TS 23.038, 6.2.1: one septet each. The national tables of its annex A, which a header would have to announce, are
# not used: phones and networks differ in which of them they know.
_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# ... and those of the extension table (6.2.1.1), which an escape precedes: two septets.
_EXTENSION: Final = frozenset("^{}\\[~]|€\f")
_KNOWN: Final = _BASIC | _EXTENSION

# A message of its own takes 140 bytes; one of several gives 6 of them to the header that joins them.
GSM7_SINGLE, GSM7_JOINED = 160, 153
UCS2_SINGLE, UCS2_JOINED = 70, 67
_BASIC_PLANE_END: Final = 0xFFFF

# Typography that word processors put in, and what it stands for on a phone.
_PLAIN: Final = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        **dict.fromkeys("\u00a0\u2002\u2003\u2007\u2008\u2009\u200a\u202f", " "),
        "\u2026": "...",
    }
)


@dataclass(frozen=True)
class Sms:
    """What a text costs: `units` are septets in gsm7, 16-bit units in ucs2; `parts` joined give the text."""

    encoding: Literal["gsm7", "ucs2"]
    units: int
    parts: tuple[str, ...]

    @property
    def segments(self) -> int:
        """Return how many parts are paid for."""
        return len(self.parts)


def measure(text: str) -> Sms:
    """Choose the encoding of a text and split it.

    One character outside GSM-7 makes the whole text UCS-2. An escape and its character, or the two halves of a
    character beyond the basic plane, are never torn apart, so a part may end one unit early.
    """
    if _KNOWN.issuperset(text):
        widths = [2 if char in _EXTENSION else 1 for char in text]
        return _measured("gsm7", text, widths, GSM7_SINGLE, GSM7_JOINED)
    widths = [2 if ord(char) > _BASIC_PLANE_END else 1 for char in text]
    return _measured("ucs2", text, widths, UCS2_SINGLE, UCS2_JOINED)


def _measured(
    encoding: Literal["gsm7", "ucs2"], text: str, widths: list[int], single: int, joined: int
) -> Sms:
    units = sum(widths)
    if units <= single:
        return Sms(encoding, units, (text,))
    parts, begin, used = [], 0, 0
    for at, width in enumerate(widths):
        if used + width > joined:
            parts.append(text[begin:at])
            begin, used = at, 0
        used += width
    return Sms(encoding, units, (*parts, text[begin:]))


def plain(text: str) -> str:
    """Write typographic quotes, dashes, spaces and ellipses plainly, where that alone saves a text from UCS-2."""
    plainer = text.translate(_PLAIN)
    return plainer if _KNOWN.issuperset(plainer) else text


def outside(text: str) -> frozenset[str]:
    """Return the characters that make a text UCS-2."""
    return frozenset(text) - _KNOWN
