"""Money: whatever a producer calls a price, as whole minor units of its currency."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from streamproc.core.event import Reason
from streamproc.core.money import MINOR_MAX, SCALE_DEFAULT, scale_of
from streamproc.ingest.refusal import Refused, shown
from streamproc.ingest.scalars import Number

# Ten billion euros, or 40 million dollars in the smallest note of Vietnam: above every basket, and exact in a double.
MONEY_MINOR_MAX: Final = MINOR_MAX

_CODE_CHARS: Final = 3
_EXACT_END: Final = 1e8  # far below both MONEY_MINOR_MAX and what a double holds to the minor unit

_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,18}(?:\.[0-9]{1,18})?", re.ASCII)
_USUAL: Final[dict[str | None, int]] = dict.fromkeys([None, "EUR", "USD", "GBP", "CHF", "CAD"], SCALE_DEFAULT)


def currency_code(value: str | None, field: str) -> str | None:
    """Return the three capital letters of a currency, or None if there is none."""
    if not value:
        return None
    if len(value) == _CODE_CHARS and value.isascii() and value.isalpha():
        return value.upper()
    raise Refused(Reason.BAD_TEXT, field, "a currency has three letters")


def currency_and_scale(value: str | None, field: str) -> tuple[str | None, int]:
    """Return `currency_code` and `scale_of` at once; one look serves nearly every event."""
    scale = _USUAL.get(value)
    if scale is not None:
        return value, scale
    currency = currency_code(value, field)
    return currency, scale_of(currency)


def minor_units(value: Number, scale: int, field: str) -> int | None:
    """Return an amount in minor units, rounded half up, or None if there is none.

    Accepts numbers and decimal text without grouping or signs of currency. Refuses amounts below 0 or above
    MONEY_MINOR_MAX.
    """
    if type(value) is float:
        # If dividing gives the very double back, the amount had no more digits than its currency and the fast way
        # was exact: 19.99 * 100 is 1998.9999999999998, and 1999 / 100 is 19.99 again.
        if 0.0 <= value < _EXACT_END and (minor := int(value * scale + 0.5)) / scale == value:
            return minor
        return within(_rounded(Decimal(repr(value)), scale), field)
    if value is None or value == "":
        return None
    if isinstance(value, str):
        if not _DECIMAL.fullmatch(value):
            raise Refused(Reason.WRONG_TYPE, field, "expected a decimal number")
        return within(_rounded(Decimal(value), scale), field)
    return within(int(value) * scale, field)


def within(minor: int, field: str) -> int:
    """Return an amount of minor units that lies in 0 to MONEY_MINOR_MAX."""
    if 0 <= minor <= MONEY_MINOR_MAX:
        return minor
    raise Refused(Reason.OUT_OF_RANGE, field, f"{shown(minor)} minor units not in 0 to {MONEY_MINOR_MAX}")


def _rounded(amount: Decimal, scale: int) -> int:
    # Beyond the bound no digit matters, and a double such as 1e308 would cost a thousand of them.
    if abs(amount) > MONEY_MINOR_MAX:
        return MONEY_MINOR_MAX + 1 if amount > 0 else -1
    return int((amount * scale).to_integral_value(ROUND_HALF_UP))
