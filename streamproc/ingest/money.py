"""Money: whatever a producer calls a price, as whole minor units of its currency."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
import re
from typing import Final

from streamproc.core.event import Reason
from streamproc.ingest.refusal import Refused
from streamproc.ingest.scalars import Number

# Ten billion euros, or 40 million dollars in the smallest note of Vietnam: above every basket, and exact in a double.
MONEY_MINOR_MAX: Final = 10**12
DIGITS_DEFAULT: Final = 2

_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,18}(?:\.[0-9]{1,18})?", re.ASCII)
# ISO 4217: the currencies that do not have a hundred minor units.
_DIGITS: Final = (
    dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0)
    | dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3)
    | dict.fromkeys("CLF UYW".split(), 4)
)


def currency_code(value: str | None, field: str) -> str | None:
    """Return the three capital letters of a currency, or None if there is none."""
    if not value:
        return None
    if len(value) == 3 and value.isascii() and value.isalpha():
        return value.upper()
    raise Refused(Reason.BAD_TEXT, field, "a currency has three letters")


def digits_of(currency: str | None) -> int:
    """Return how many decimal digits a currency's minor unit has; 2 for an unknown or unnamed one."""
    return _DIGITS.get(currency, DIGITS_DEFAULT) if currency else DIGITS_DEFAULT


def minor_units(value: Number, digits: int, field: str) -> int | None:
    """Return an amount in minor units, rounded half up, or None if there is none.

    Accepts numbers and decimal text without grouping or signs of currency. Refuses amounts below 0 or above
    MONEY_MINOR_MAX.
    """
    if value is None or value == "":
        return None
    if isinstance(value, float):
        minor = _from_float(value, digits)
    elif isinstance(value, int):
        minor = value * 10**digits
    elif _DECIMAL.fullmatch(value):
        minor = _rounded(Decimal(value), digits)
    else:
        raise Refused(Reason.WRONG_TYPE, field, "expected a decimal number")
    return within(minor, field)


def within(minor: int, field: str) -> int:
    """Return an amount of minor units that lies in 0 to MONEY_MINOR_MAX."""
    if 0 <= minor <= MONEY_MINOR_MAX:
        return minor
    raise Refused(Reason.OUT_OF_RANGE, field, f"{minor:.6g} minor units not in 0 to {MONEY_MINOR_MAX:.6g}")


def _from_float(value: float, digits: int) -> int:
    # Decimal is exact and slow. If dividing gives the very double back, the amount had no more digits than the
    # currency, and the fast way was exact too: 19.99 * 100 is 1998.9999999999998, and 1999 / 100 is 19.99 again.
    if -1e15 < value < 1e15:
        scale = 10**digits
        minor = round(value * scale)
        return minor if minor / scale == value else _rounded(Decimal(repr(value)), digits)
    return (MONEY_MINOR_MAX + 1) if value > 0 else -1


def _rounded(amount: Decimal, digits: int) -> int:
    return int(amount.scaleb(digits).to_integral_value(ROUND_HALF_UP))
