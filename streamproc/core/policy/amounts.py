"""Bounds as authors write them: whole numbers and money, `min`, `max` or both, both included."""

from __future__ import annotations

from decimal import Decimal

from streamproc.core.money import MINOR_MAX, to_minor
from streamproc.core.policy.fields import Fields

_CODE_CHARS = 3


def read_bounds(fields: Fields, high_max: int) -> tuple[int | None, int | None]:
    """Read `min` and `max` as whole numbers: at least one, and not the wrong way round."""
    low, high = fields.integer("min", 0, high_max), fields.integer("max", 0, high_max)
    _require(fields)
    if low is not None and high is not None and low > high:
        fields.at("max", f"{high} is below min {low}")
    return low, high


def read_kept(fields: Fields, kept: int, what: str, memory: str) -> tuple[int | None, int | None]:
    """Read `min` and `max` of what memory keeps only so many of; `memory` says what it keeps."""
    for key in ("min", "max"):
        node = fields.keys.get(key)
        if node is not None and node.kind == "number" and Decimal(node.raw) > kept:
            fields.at(key, f"{node.raw} {what} are asked for, the memory keeps {memory}")
            return None, None
    low, high = read_bounds(fields, kept)
    if high == kept:
        fields.at("max", f"{high} always holds: the memory keeps {memory}")
    return low, high


def read_money(fields: Fields) -> tuple[int | None, int | None, str]:
    """Read `min`, `max` and `currency`: the bounds in minor units of the currency."""
    currency = fields.text("currency") or ""
    if currency and not (len(currency) == _CODE_CHARS and currency.isascii() and currency.isupper()):
        fields.at("currency", f"{currency!r} is not a currency such as EUR")
    _require(fields)
    low, high = (_minor(fields, bound, currency) for bound in ("min", "max"))
    if low is not None and high is not None and low > high:
        fields.at("max", "is below min")
    return low, high, currency


def _minor(fields: Fields, bound: str, currency: str) -> int | None:
    amount = fields.number(bound, 0, MINOR_MAX)
    try:
        return None if amount is None else to_minor(amount, currency)
    except ValueError as error:
        fields.at(bound, str(error))
        return None


def _require(fields: Fields) -> None:
    if "min" not in fields and "max" not in fields and fields.node.kind == "mapping":
        fields.error(fields.node, "needs min or max")
