"""The check warns of what no producer sends, and of choosing customers by what they spent."""

from __future__ import annotations

import pytest

from streamproc.core.policy.loader import load_all
from tests.policy.samples import CAMPAIGN, CHANNELS, FILES, with_when


def warnings_of(
    when: str, producers: str = "[segment, beacon]", trigger: str = "product.viewed"
) -> list[str]:
    """Return the warnings about the condition in line 6, for an installation with these producers."""
    files = with_when(when)
    campaign = files["campaigns/look.yaml"].replace(
        "event: product.viewed}\nwhen", f"event: {trigger}}}\nwhen"
    )
    channels = CHANNELS.replace("locale: en\n", f"locale: en\nproducers: {producers}\n")
    loaded = load_all({**files, "channels.yaml": channels, "campaigns/look.yaml": campaign})
    return [str(warning) for warning in loaded.warnings if ":6: when" in str(warning)]


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (
            "{count: {event: engagement.ping, within: 1d, min: 3}}",
            "when.count.event: no producer (segment, beacon) sends engagement.ping, so nothing is ever found",
        ),
        (
            "{present: {event: [order.completed, custom.Store Loved], within: 1d}}",
            "when.present.event: no producer (segment, beacon) sends custom.Store Loved, so nothing is ever found",
        ),
        (
            "{sum: {of: value, event: visit.started, within: 1d, min: 3, currency: EUR}}",
            "when.sum.of: no producer (segment, beacon) sends a value with visit.started, so nothing is ever found",
        ),
        (
            "{extra.step: {is: address}}",
            (
                "when.extra.step: no producer (segment, beacon) sends extra.step with product.viewed, "
                "so nothing is ever found"
            ),
        ),
    ],
)
def test_a_condition_on_what_no_producer_sends_is_a_warning(when: str, expected: str) -> None:
    assert warnings_of(when) == [f"campaigns/look.yaml:6: {expected}"]


def test_a_condition_on_what_is_not_kept_while_a_campaign_waits_is_a_warning() -> None:
    when = "{extra.coupon: {is: WINTER}}"
    files = with_when(when)
    waiting = files["campaigns/look.yaml"].replace("\npriority:", "\nwait: 30m\npriority:", 1)
    assert waiting != files["campaigns/look.yaml"]
    loaded = load_all({**files, "campaigns/look.yaml": waiting})
    expected = (
        "when.extra.coupon: is not kept while the campaign waits, so it is never known when it is asked"
    )
    assert [expected in str(warning) for warning in loaded.warnings].count(True) == 1
    assert not [one for one in load_all(files).warnings if "not kept" in str(one)]


@pytest.mark.parametrize(
    "when",
    [
        "{count: {event: product.viewed, same: brand, site: s-1, within: 1d, min: 3}}",
        "{present: {event: custom.store_loved, within: 1d}}",
        "{sum: {of: price, event: order.completed, within: 1d, max: 3, currency: EUR}}",
        "{all: [{site: {in: s-1}}, {item.price: {min: 1, currency: EUR}}, {surface: {in: app}}]}",
    ],
)
def test_what_some_producer_sends_is_none(when: str) -> None:
    assert [one for one in warnings_of(when) if "no producer" in one] == []


def test_a_trigger_that_no_producer_sends_is_a_warning() -> None:
    channels = CHANNELS.replace("locale: en\n", "locale: en\nproducers: beacon\n")
    warned = [str(warning) for warning in load_all({**FILES, "channels.yaml": channels}).warnings]
    message = "no producer (beacon) sends product.viewed, so nothing is ever found"
    assert f"campaigns/look.yaml:5: trigger.event: {message}" in warned


def test_all_dialects_are_expected_where_none_are_named() -> None:
    assert load_all(with_when("{count: {event: engagement.ping, within: 1d, min: 3}}")).warnings == ()


@pytest.mark.parametrize(
    ("when", "trigger", "is_told"),
    [
        ("{event.value: {min: 100, currency: EUR}}", "order.completed", True),
        ("{event.value: {min: 100, currency: EUR}}", "product.viewed", False),
        (
            "{sum: {of: value, event: order.completed, within: 30d, min: 1, currency: EUR}}",
            "product.viewed",
            True,
        ),
        (
            "{not: {sum: {of: price, event: order.completed, within: 30d, max: 9, currency: EUR}}}",
            "product.viewed",
            True,
        ),
        (
            "{any: [{distinct: {of: item, event: order.completed, within: 9d, min: 3}}]}",
            "product.viewed",
            True,
        ),
        ("{distinct: {of: category, event: order.completed, within: 9d, min: 3}}", "product.viewed", False),
        ("{cart.value: {min: 100, currency: EUR}}", "product.viewed", False),
        ("{count: {event: order.completed, within: 30d, min: 2}}", "product.viewed", False),
    ],
)
def test_choosing_customers_by_the_size_of_past_baskets_is_a_warning(
    when: str, trigger: str, *, is_told: bool
) -> None:
    files = with_when(when)
    campaign = files["campaigns/look.yaml"].replace("because: [viewed]", "because: [opted_in]")
    campaign = campaign.replace("trigger: {event: product.viewed}", f"trigger: {{event: {trigger}}}")
    warned = [str(one) for one in load_all({**files, "campaigns/look.yaml": campaign}).warnings]
    expected = (
        "campaigns/look.yaml:6: when: chooses customers by what they spent; the others never hear of it"
    )
    assert (expected in warned) is is_told


def test_a_mistyped_dialect_is_an_error_with_the_nearest_one() -> None:
    assert "campaign: look" in CAMPAIGN
    channels = CHANNELS.replace("locale: en\n", "locale: en\nproducers: [segmnt]\n")
    with pytest.raises(
        ValueError, match=r"channels.yaml:2: producers\[0\]: 'segmnt' is not a dialect; .*'segment'"
    ):
        load_all({**FILES, "channels.yaml": channels})
