"""Conditions on the event at hand, on lines that are named, and what the policy knows of each rule."""

from __future__ import annotations

from typing import Any

import pytest

from streamproc.core.context import Context, Line, RememberedItem, Visit
from streamproc.core.event import Item
from tests.policy.rules import HOUR_MS, NOW_MS, compiled, event, rule_of, scene, verdict

COAT = Item("coat-1", "Wool coat", "Nord", "coats/long", None, 14_900, 1)
LINES = [
    Line(1, RememberedItem("coat-1", "coats", "Nord")),
    Line(2, RememberedItem("shoe-1", "shoes", "Sud")),
]


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("{item.category: {in: [shoes, coats]}}", True),
        ("{item.category: {in: shoes}}", False),
        ("{item.brand: {in: NORD}}", True),
        ("{item.brand: {in: [Sud]}}", False),
        ("{item.id: {in: [coat-1]}}", True),
        ("{item.id: {in: [COAT-1]}}", False),
        ("{item.price: {min: 149, currency: EUR}}", True),
        ("{item.price: {max: 148.99, currency: EUR}}", False),
        ("{item.price: {min: 1, currency: USD}}", False),
        ("{site: {in: [berlin-1, berlin-2]}}", True),
        ("{site: {in: hamburg-1}}", False),
        ("{surface: {in: web}}", True),
        ("{extra.coupon: {is: winter}}", True),
        ("{extra.coupon: {in: [summer]}}", False),
        ("{extra.step: {min: 2, max: 3}}", True),
        ("{extra.step: {min: 3}}", False),
        ("{extra.gift: {is: true}}", True),
        ("{extra.gift: {is: 1}}", False),
        ("{extra.unheard_of: {is: 1}}", False),
    ],
)
def test_the_event_at_hand_is_read_as_written(when: str, *, expected: bool) -> None:
    extra = {"coupon": "WINTER", "step": 2, "gift": True}
    at_hand = event(COAT, site_id="berlin-1", currency="EUR", extra=extra)
    assert verdict(rule_of(when, "checkout.step"), scene(at_hand)) is expected


def test_an_event_without_an_item_or_a_store_has_none_of_any_kind() -> None:
    for when in ("{item.category: {in: coats}}", "{item.brand: {in: ['']}}", "{item.id: {in: coat-1}}"):
        rule, _ = compiled(when)
        assert not rule.test(scene())
    assert not rule_of("{item.price: {min: 0, currency: EUR}}").test(scene())
    assert not rule_of("{site: {in: berlin-1}}").test(scene())


@pytest.mark.parametrize(
    ("visit", "expected"),
    [
        (None, False),
        (Visit("berlin-1", NOW_MS - HOUR_MS, NOW_MS), True),
        (Visit("berlin-1", NOW_MS - HOUR_MS, NOW_MS - HOUR_MS // 4 + 1), True),
        (Visit("berlin-1", NOW_MS - HOUR_MS, NOW_MS - HOUR_MS // 4), False),
        (Visit("berlin-1", NOW_MS - HOUR_MS, NOW_MS, over_ms=NOW_MS), False),
        (Visit("hamburg-1", NOW_MS - HOUR_MS, NOW_MS), False),
    ],
)
def test_a_visit_to_a_store_in_a_list_is_an_open_one(visit: Visit | None, *, expected: bool) -> None:
    rule = rule_of("{visit.site: {in: [berlin-1, berlin-2]}}")
    assert verdict(rule, scene(context=Context(visit=visit))) is expected


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("{category: coats}", True),
        ("{category: coats, brand: nord}", True),
        ("{category: coats, brand: Sud}", False),
        ("{item: [shoe-1, shoe-2]}", True),
        ("{same: brand}", True),
        ("{same: [item, brand], category: shoes}", False),
    ],
)
def test_a_cart_or_a_list_has_what_one_line_is_in_all_respects(wanted: str, *, expected: bool) -> None:
    for key in ("cart", "wishlist"):
        context = Context(**{key: LINES})  # type: ignore[arg-type]
        rule = rule_of(f"{{{key}.has: {wanted}}}")
        assert verdict(rule, scene(event(COAT), context=context)) is expected
        assert verdict(rule, scene(event(COAT))) is False


def features(when: str, trigger: str = "product.viewed") -> dict[str, Any]:
    rule = rule_of(when, trigger)
    return {
        "implies": set(rule.implies),
        "reads": set(rule.reads),
        "sums": set(rule.sums),
        "days": rule.warmup_ms / (24 * HOUR_MS),
        "sensed": (rule.sensed, rule.sensed_not),
    }


NONE: dict[str, Any] = {"implies": set(), "reads": set(), "sums": set(), "days": 0, "sensed": (False, False)}
ORDER = "event: order.completed"
BEACON = "event: visit.started"


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("{cart.has: {category: coats}}", {"implies": {"cart"}}),
        ("{visit.site: {in: s-1}}", {"implies": {"visiting"}, "sensed": (True, False)}),
        ("{not: {visit.site: {in: s-1}}}", {"sensed": (False, True)}),
        ("{time.weekday: {in: sat}}", {}),
        (
            f"{{present: {{{ORDER}, within: 7d}}}}",
            {"implies": {"purchased"}, "reads": {"order.completed"}, "days": 7},
        ),
        ("{ordered: {within: 7d}}", {"implies": {"purchased"}, "reads": {"order.completed"}, "days": 7}),
        (f"{{absent: {{{ORDER}, within: 7d}}}}", {"reads": {"order.completed"}, "days": 7}),
        (
            f"{{since: {{{ORDER}, min: 2d, max: 7d}}}}",
            {"implies": {"purchased"}, "reads": {"order.completed"}, "days": 7},
        ),
        (f"{{last: {{{ORDER}, category: coats}}}}", {"implies": {"purchased"}, "reads": {"order.completed"}}),
        (
            "{first: {event: product.viewed}}",
            {"implies": {"viewed"}, "reads": {"product.viewed"}, "days": 90},
        ),
        (
            f"{{sum: {{of: value, {ORDER}, within: 30d, min: 1, currency: EUR}}}}",
            {"implies": {"purchased"}, "reads": {"order.completed"}, "sums": {"order.completed"}, "days": 30},
        ),
        (
            f"{{sum: {{of: value, {ORDER}, within: 30d, max: 1, currency: EUR}}}}",
            {"reads": {"order.completed"}, "sums": {"order.completed"}, "days": 30},
        ),
        (
            "{distinct: {of: item, event: [product.viewed, list.viewed], within: 2d, min: 3}}",
            {"implies": {"viewed"}, "reads": {"product.viewed", "list.viewed"}, "days": 2},
        ),
        (
            "{count: {event: [product.viewed, order.completed], within: 2d, min: 3}}",
            {"reads": {"product.viewed", "order.completed"}, "days": 2},
        ),
        (
            f"{{present: {{{BEACON}, within: 1d}}}}",
            {"implies": {"visiting"}, "reads": {"visit.started"}, "days": 1, "sensed": (True, False)},
        ),
        (
            f"{{absent: {{{BEACON}, within: 1d}}}}",
            {"reads": {"visit.started"}, "days": 1, "sensed": (False, True)},
        ),
        (
            f"{{not: {{absent: {{{BEACON}, within: 1d}}}}}}",
            {"reads": {"visit.started"}, "days": 1, "sensed": (True, False)},
        ),
        (
            f"{{since: {{{BEACON}, max: 1d}}}}",
            {"implies": {"visiting"}, "reads": {"visit.started"}, "days": 1, "sensed": (True, False)},
        ),
        (
            f"{{not: {{since: {{{BEACON}, min: 1d}}}}}}",
            {"reads": {"visit.started"}, "days": 1, "sensed": (True, True)},
        ),
    ],
)
def test_what_a_condition_reads_implies_and_needs_is_known(when: str, expected: dict[str, Any]) -> None:
    assert features(when) == NONE | expected
