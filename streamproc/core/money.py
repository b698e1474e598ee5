"""Amounts of money as integers in a currency's minor units."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

# ISO 4217: all other currencies have two digits after the point.
_NO_DIGITS: Final = frozenset(
    (
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    )
)
_THREE_DIGITS: Final = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))
MINOR_MAX: Final = 10**12


def minor_digits(currency: str) -> int:
    """Return how many digits an amount of this ISO 4217 currency has after the point."""
    if currency in _NO_DIGITS:
        return 0
    return 3 if currency in _THREE_DIGITS else 2


def to_minor(amount: Decimal, currency: str) -> int:
    """Turn an amount into minor units.

    Raises ValueError for a negative, endless or oversized amount, or more digits than the currency has.
    """
    digits = minor_digits(currency)
    if not amount.is_finite() or amount < 0 or amount > MINOR_MAX:
        raise ValueError(f"{amount} is not an amount between 0 and {MINOR_MAX}")
    minor = amount.scaleb(digits)
    if minor != minor.to_integral_value():
        raise ValueError(f"{amount} has more than the {digits} digits that {currency} has after the point")
    return int(minor)
