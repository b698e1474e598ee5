"""Examples in campaign files become events and expectations."""

from __future__ import annotations

import pytest

from streamproc.core.event import Item
from streamproc.core.policy.examples import Example, Expected, step_events
from streamproc.core.policy.loader import load_all
from streamproc.core.policy.problems import PolicyErrors
from tests.policy.samples import FILES

DAY_MS = 86_400_000


def example(text: str) -> Example:
    """Read one example, after the two that the sample has."""
    files = {**FILES, "campaigns/look.yaml": FILES["campaigns/look.yaml"] + f"  - {text}\n"}
    return load_all(files).examples["look"][2]


def test_each_verb_becomes_the_event_that_a_producer_would_send() -> None:
    steps = "view: a}, {at: 1m, add: a}, {at: 2m, remove: a}, {at: 3m, wish: a}, {at: 4m, order: a}, {at: 5m, enter: s}"
    steps += ", {at: 6m, range: s}, {at: 7m, dwell: s, for: 2m}, {at: 8m, exit: s}, {at: 9m, open: app"
    events = step_events(example(f"{{name: all, consents: [], given: [{{at: 0m, {steps}}}], expect: []}}"))
    assert [event.kind for event in events] == [
        *("product.viewed", "cart.item_added", "cart.item_removed", "wishlist.added", "order.completed"),
        *("beacon.entered", "beacon.ranged", "beacon.dwelled", "beacon.exited", "app.opened"),
    ]
    assert [event.surface for event in events] == ["web"] * 5 + ["store"] * 4 + ["app"]
    assert [(event.site_id, event.dwell_ms) for event in events[5:8]] == [
        ("s", None),
        ("s", None),
        ("s", 120_000),
    ]


def test_an_item_keeps_its_name_category_and_price_in_minor_units() -> None:
    step = "{at: 2h, add: c-1, name: Wool coat, brand: Nord, category: coats, price: 149.00, quantity: 2, on: app}"
    (event,) = step_events(example(f"{{name: one, consents: [], given: [{step}], expect: []}}"))
    assert event.items == (
        Item("c-1", name="Wool coat", brand="Nord", category="coats", price_minor=14_900, quantity=2),
    )
    assert (event.currency, event.surface, event.customer_id, event.event_id) == (
        "EUR",
        "app",
        "example",
        "look-1",
    )


def test_times_count_from_the_start_which_is_noon_on_a_working_day_unless_given() -> None:
    plain = example("{name: one, consents: [], given: [{at: 1d, view: a}], expect: []}")
    assert step_events(plain)[0].occurred_at_ms == plain.starts_at_ms + DAY_MS
    assert plain.starts_at_ms == 1_772_539_200_000  # 2026-03-03T12:00Z
    given = example(
        "{name: one, starts: 2026-11-27T11:00Z, consents: [], given: [{at: 0m, view: a}], expect: []}"
    )
    assert given.starts_at_ms == 1_795_777_200_000


def test_consents_traits_zone_and_expectations_are_values() -> None:
    read = example(
        "{name: one, consents: [push, sensing, category/pregnancy], traits: {size: 42, diet: [vegan], club: true},"
        " timezone: Europe/Berlin, given: [{at: 0m, view: a}],"
        " expect: [{at: 0m, channel: push}, {at: 2m, channel: in_app, rung: soften}]}"
    )
    assert read.consents == ("push", "sensing", "category/pregnancy")
    assert read.traits == {"size": 42, "diet": ["vegan"], "club": True}
    assert read.expect == (Expected(0, "push"), Expected(120_000, "in_app", "soften"))
    assert (read.timezone, read.file, read.line) == ("Europe/Berlin", "campaigns/look.yaml", 23)


def test_a_campaign_whose_silence_nobody_wrote_down_is_a_warning() -> None:
    text = FILES["campaigns/look.yaml"]
    silence = text.index("  - {name: no")
    loaded = load_all({**FILES, "campaigns/look.yaml": text[:silence]})
    assert [str(one) for one in loaded.warnings] == ["campaigns/look.yaml:20: examples: none shows a silence"]


OTHER = FILES["campaigns/look.yaml"].replace("campaign: look", "campaign: glance")


def beside_another(expected: str) -> dict[str, str]:
    step = f"{{name: both, consents: [], given: [{{at: 0m, view: a}}], expect: [{{{expected}}}]}}"
    files = {**FILES, "campaigns/glance.yaml": OTHER}
    return {**files, "campaigns/look.yaml": FILES["campaigns/look.yaml"] + f"  - {step}\n"}


def test_an_example_may_expect_what_another_campaign_sends() -> None:
    read = load_all(beside_another("at: 0m, channel: push, campaign: glance")).examples["look"][2]
    assert read.expect == (Expected(0, "push", campaign="glance"),)
    own = load_all(beside_another("at: 0m, channel: push, campaign: look")).examples["look"][2]
    assert own.expect == (Expected(0, "push"),)


@pytest.mark.parametrize(
    ("expected", "says"),
    [
        (
            "campaign: glanse",
            "'glanse' is no campaign of this policy; there are glance, look; did you mean 'glance'?",
        ),
        ("campaign: glance", "'email' is not a channel of glance; allowed are push, in_app"),
    ],
)
def test_a_message_that_no_campaign_could_send_is_an_error(expected: str, says: str) -> None:
    with pytest.raises(PolicyErrors) as caught:
        load_all(beside_another(f"at: 0m, channel: email, {expected}"))
    assert [str(one) for one in caught.value.errors] == [
        f"campaigns/look.yaml:23: examples: both: expect: {says}"
    ]


def test_only_messages_of_its_own_show_that_a_campaign_speaks() -> None:
    files = beside_another("at: 0m, channel: push, campaign: glance")
    examples = files["campaigns/look.yaml"]
    first, second = examples.index("  - {name"), examples.index("  - {name: both")
    loaded = load_all({**files, "campaigns/look.yaml": examples[:first] + examples[second:]})
    assert "campaigns/look.yaml:20: examples: none shows a nudge" in [str(one) for one in loaded.warnings]
