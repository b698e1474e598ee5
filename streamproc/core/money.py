"""Amounts of money as integers in a currency's minor units."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

MINOR_MAX: Final = 10**12
SCALE_DEFAULT: Final = 100

# ISO 4217: the currencies that do not have a hundred minor units.
_CODES: Final = {
    1: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    1000: "BHD IQD JOD KWD LYD OMR TND",
    10_000: "CLF UYW",
}
_SCALES: Final = {code: scale for scale, codes in _CODES.items() for code in codes.split()}


def scale_of(currency: str | None) -> int:
    """Return how many minor units make one unit of a currency; 100 for an unknown or unnamed one."""
    return _SCALES.get(currency, SCALE_DEFAULT) if currency else SCALE_DEFAULT


def to_minor(amount: Decimal, currency: str) -> int:
    """Turn an amount into minor units.

    Raises ValueError for a negative, endless or oversized amount, or more digits than the currency has.
    """
    if not amount.is_finite() or amount < 0 or amount > MINOR_MAX:
        raise ValueError(f"{amount} is not an amount between 0 and {MINOR_MAX}")
    scale = scale_of(currency)
    minor = amount * scale
    if minor != minor.to_integral_value():
        raise ValueError(f"{amount} {currency} is no whole number of minor units, {scale} to one")
    return int(minor)
