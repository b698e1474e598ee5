"""Money in minor units."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.event import Reason
from streamproc.core.money import scale_of
from streamproc.ingest.money import MONEY_MINOR_MAX, minor_units
from streamproc.ingest.refusal import Refused


@pytest.mark.parametrize(
    ("value", "currency", "minor"),
    [
        (19.99, "EUR", 1999),
        ("19.99", "EUR", 1999),
        (20, "EUR", 2000),
        ("12.0", None, 1200),
        (1.005, "EUR", 101),
        ("1.005", "EUR", 101),
        (0, "EUR", 0),
        (149, "JPY", 149),
        (149.5, "JPY", 150),
        ("1.234", "KWD", 1234),
        (1.234, "KWD", 1234),
        (None, "EUR", None),
        ("", "EUR", None),
        (9_999_999_999.99, "EUR", 999_999_999_999),
    ],
)
def test_an_amount_has_as_many_minor_units_as_its_currency_says(
    value: float | str | None, currency: str | None, minor: int | None
) -> None:
    assert minor_units(value, scale_of(currency), "price") == minor


@pytest.mark.parametrize("value", [-1, -0.01, "-0.01", 1e300, "9" * 18, 10**30, 1e11])
def test_an_amount_below_nothing_or_beyond_reason_is_out_of_range(value: float | str) -> None:
    with pytest.raises(Refused) as refused:
        minor_units(value, 100, "price")
    assert refused.value.reason is Reason.OUT_OF_RANGE


@pytest.mark.parametrize("value", ["1,50", "12 EUR", "1e3", "nan", "٣", "0x1", "1_000"])
def test_text_that_is_no_decimal_number_has_the_wrong_type(value: str) -> None:
    with pytest.raises(Refused) as refused:
        minor_units(value, 100, "price")
    assert refused.value.reason is Reason.WRONG_TYPE


@given(st.floats(0, 9e9), st.sampled_from([1, 100, 1000]))
def test_a_number_and_its_text_are_the_same_money(value: float, scale: int) -> None:
    exact = int((Decimal(repr(value)) * scale).to_integral_value(ROUND_HALF_UP))
    if exact <= MONEY_MINOR_MAX:
        assert minor_units(value, scale, "price") == exact


@given(st.integers(0, 10**9))
def test_whole_minor_units_survive_being_a_float(minor: int) -> None:
    assert minor_units(minor / 100, 100, "price") == minor
