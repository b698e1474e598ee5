"""`policy diff`: every difference is told in words, and what got looser is marked."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, cast

import pytest

from streamproc.core.policy.compare import Place, shapes
from streamproc.core.policy.diff import compared, differences
from streamproc.core.policy.document import Kind, Node, read
from streamproc.core.policy.overall import OVERALL
from streamproc.core.policy.problems import Findings, PolicyErrors
from tests.policy.samples import CAMPAIGN, FILES, changed, with_when
from tests.policy.test_schema import value_of

LOOK = "campaigns/look.yaml"


def test_a_new_campaign_that_needs_no_opt_in_is_looser_and_says_what_it_need_not_obey() -> None:
    order = CAMPAIGN.replace("campaign: look", "campaign: order").replace(
        "purpose: marketing",
        "purpose: transactional\nbasis: contract\nexempt_from: [gap, caps]\ncounts: false",
    )
    files = {**FILES, "campaigns/order.yaml": order}
    (said,) = told(files)
    assert said.startswith("campaign order: looser: new: You find it again. On product.viewed, when ")
    assert said.endswith(
        "; at most 1 in 7 days; without opt-in; legal basis contract; exemptions gap, caps; not counting for others"
    )
    (gone,) = told(FILES, files)
    assert gone.startswith("campaign order: tighter: gone; it was: ")


COUNT = "count of product.viewed, same item"
COUNT_WAS = "was within 24 hours, at least 3, without at most"


def told(new: dict[str, str], old: dict[str, str] = FILES) -> list[str]:
    return [f"{one.part}: {one.restraint or '-'}: {one.says}" for one in differences(old, new)]


def test_what_makes_a_visit_is_looser_where_less_makes_one() -> None:
    def with_visits(visits: str) -> dict[str, str]:
        return {**FILES, **changed("channels.yaml", "gap_min: 1h", f"gap_min: 1h, visits: {{{visits}}}")}

    before = with_visits("silence: 20m, rejoin: 2m, dwell_min: 10s, readings_min: 3, rssi_min: -90")
    after = with_visits("silence: 30m, rejoin: 1m, dwell_min: 30s, readings_min: 2, rssi_min: -95")
    assert told(after, before) == [
        "overall: tighter: visits silence that ends it: 30 minutes, was 20 minutes",
        "overall: looser: visits time to come back in: 1 minute, was 2 minutes",
        "overall: tighter: visits least length: 30 seconds, was 10 seconds",
        "overall: looser: visits least readings: 2, was 3",
        "overall: looser: visits least strength: -95, was -90",
    ]


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        (
            "channels.yaml",
            "max: 1, per: day",
            "max: 2, per: day",
            "channel push: looser: at most 2 a day, was 1",
        ),
        (
            "channels.yaml",
            "max: 1, rolling: 7d",
            "max: 1, rolling: 14d",
            "channel sms: tighter: at most 1 in 14 days, was 1 in 7 days",
        ),
        (
            "channels.yaml",
            "max: 1, rolling: 7d",
            "max: 2, rolling: 14d",
            "channel sms: looser: at most 2 in 14 days, was 1 in 7 days",
        ),
        (
            "channels.yaml",
            "{max: 1, per: day}",
            "{max: 1, per: day}, {max: 3, per: week}",
            "channel push: tighter: also at most 3 a week",
        ),
        (
            "channels.yaml",
            "{max: 1, per: visit}",
            "",
            "channel in_store: looser: no longer at most 1 a visit",
        ),
        (
            "channels.yaml",
            "09:00-20:00",
            "10:00-18:00",
            "channel push: tighter: quiet hours open: 10:00-18:00, was 09:00-20:00",
        ),
        (
            "channels.yaml",
            "09:00-20:00",
            "21:00-08:00",
            "channel push: looser: quiet hours open: 21:00-08:00, was 09:00-20:00",
        ),
        (
            "channels.yaml",
            '{open: "09:00-20:00"}',
            "none",
            "channel push: looser: quiet hours: none, was open 09:00-20:00",
        ),
        (
            "channels.yaml",
            "gap_min: 1h",
            "gap_min: 90m",
            "overall: tighter: least gap: 90 minutes, was 1 hour",
        ),
        ("channels.yaml", "gap_min: 1h, ", "", "overall: looser: least gap: not set any more, was 1 hour"),
        (
            "channels.yaml",
            "gap_min: 1h",
            "gap_min: 1h, visits: {silence: 30m}",
            "overall: -: visits: silence that ends it 30 minutes, was not set",
        ),
        (
            "channels.yaml",
            "gap_min: 1h",
            "gap_min: 1h, one_sensed_per_visit: false",
            "overall: looser: one sensed message a visit: no, was not set",
        ),
        (
            "channels.yaml",
            "expires: 15m",
            "expires: 20m",
            "channel in_store: -: expiry: 20 minutes, was 15 minutes",
        ),
        (
            "categories.yaml",
            "repurchase: 180d",
            "repurchase: 30d",
            "category coats: looser: silence after a purchase: 30 days, was 180 days",
        ),
        (
            "categories.yaml",
            "{sensitivity: intimate}",
            "{sensitivity: mild}",
            "category default: looser: sensitivity: mild, was intimate",
        ),
        (
            "categories.yaml",
            "sensitivity: none}",
            "sensitivity: none, adults_only: true}",
            "category shoes: tighter: for adults only: yes, was not set",
        ),
        (
            "categories.yaml",
            '  shoes: {match: ["shoes*"], sensitivity: none}\n',
            "",
            "category shoes: tighter: gone; it was: sensitivity none",
        ),
        (
            "categories.yaml",
            'match: ["maternity*"]',
            'match: ["pregnan*"]',
            "category pregnancy: tighter: match: also pregnan*",
        ),
        (
            "categories.yaml",
            'match: ["coats*"]',
            'match: ["coats*", "jackets*"]',
            "category coats: looser: match: also jackets*",
        ),
        (
            LOOK,
            "purpose: marketing",
            "purpose: transactional\nbasis: contract\nexempt_from: [gap]",
            "campaign look: looser: purpose: transactional, was marketing",
        ),
        (LOOK, "priority: 40", "priority: 50", "campaign look: -: priority: 50, was 40"),
        (
            LOOK,
            "purpose: marketing",
            "purpose: transactional",
            "campaign look: looser: purpose: transactional, was marketing",
        ),
        (
            LOOK,
            "priority: 40",
            "priority: 40\nenabled: false",
            "campaign look: tighter: enabled: no, was not set",
        ),
        (
            LOOK,
            "priority: 40",
            "priority: 40\nactive: {from: 2026-11-27}",
            "campaign look: tighter: active: first day 2026-11-27, was not set",
        ),
        (
            LOOK,
            "event: product.viewed}\n",
            "event: cart.viewed}\n",
            "campaign look: -: trigger event: cart.viewed, was product.viewed",
        ),
        (
            LOOK,
            "min: 3",
            "min: 2",
            f"campaign look: looser: when: {COUNT}, within 24 hours, at least 2, was at least 3",
        ),
        (
            LOOK,
            "within: 24h, min: 3",
            "within: 12h, max: 3",
            f"campaign look: looser: when: {COUNT}, within 12 hours, at most 3, {COUNT_WAS}",
        ),
        (
            LOOK,
            "    - {not: {cart.has: {same: item}}}\n",
            "",
            "campaign look: looser: when: no longer not in the basket same item",
        ),
        (
            LOOK,
            "cart.has: {same: item}",
            "cart.count: {min: 1}",
            "campaign look: -: when: items in the basket at least 1, was in the basket same item",
        ),
        (
            LOOK,
            "channels: [push, in_app]",
            "channels: [push, email, in_app]",
            "campaign look: looser: channels: also email",
        ),
        (
            LOOK,
            "channels: [push, in_app]",
            "channels: [in_app, push]",
            "campaign look: -: channels: in_app, push, was push, in_app",
        ),
        (
            LOOK,
            "facts: {item: item.name}",
            "facts: {item: item.brand}",
            "campaign look: -: facts item: item.brand, was item.name",
        ),
        (LOOK, "name: no,", "name: never,", 'campaign look: -: examples: "no" is gone'),
    ],
)
def test_a_difference_is_told_in_words(file: str, old: str, new: str, expected: str) -> None:
    assert told(changed(file, old, new))[0] == expected


def test_an_exemption_a_fact_and_a_place_to_lead_to_loosen_though_nothing_was_said_of_them_before() -> None:
    exempt = changed(LOOK, "priority: 40", "priority: 40\nexempt_from: [gap]")
    assert told(exempt) == ["campaign look: looser: exemptions: gap, was not set"]
    assert told(FILES, exempt) == ["campaign look: tighter: exemptions: not set any more, was gap"]
    without = changed(LOOK, "facts: {item: item.name}\n", "")
    assert told(FILES, without) == ["campaign look: looser: facts: item item.name, was not set"]
    leading = changed("channels.yaml", "locale: en", "locale: en\nactions: [https://shop.example/]")
    assert told(leading)[0].startswith("all campaigns: looser: actions:")


def test_a_bound_on_costs_and_an_exclusive_group_tighten() -> None:
    spend = changed(
        "channels.yaml", "{max: 2, per: day}], gap", "{max: 2, per: day}], spend: {max_minor: 5}, gap"
    )
    assert told(spend)[0].startswith("overall: tighter: cost of all messages")
    assert told(changed(LOOK, "priority: 40", "priority: 40\ngroup: winter"))[0].startswith(
        "campaign look: tighter"
    )


def test_items_that_leave_a_private_group_are_marked() -> None:
    changes = differences(FILES, changed("categories.yaml", 'match: ["maternity*"]', 'match: ["pregnan*"]'))
    assert [(one.restraint, one.says) for one in changes] == [
        ("tighter", "match: also pregnan*"),
        ("looser", "match: no longer maternity*"),
    ]


def test_what_a_not_holds_turns_round() -> None:
    old = with_when("{not: {count: {event: product.viewed, within: 24h, min: 3}}}")
    new = with_when("{not: {count: {event: product.viewed, within: 24h, min: 2}}}")
    (change,) = differences(old, new)
    assert change.restraint == "tighter"
    assert {one.restraint for one in differences(new, old)} == {"looser"}


def test_one_condition_becomes_one_of_several() -> None:
    first = "{cart.value: {min: 30, currency: EUR}}"
    both = f"{{all: [{first}, {{visit.open: true}}]}}"
    assert told(with_when(both), with_when(first)) == ["campaign look: tighter: when: also in a store"]
    assert told(with_when(first), with_when(both)) == ["campaign look: looser: when: no longer in a store"]


def test_texts_stand_beside_each_other() -> None:
    (change,) = differences(FILES, changed(LOOK, "title: Hello", "title: Good day"))
    assert (change.kind, change.says) == ("words", "push, as written, title")
    assert (change.was, change.now) == ("Hello", "Good day")
    without = changed(LOOK, "channels: [push, in_app]", "channels: [in_app]")
    without[LOOK] = (
        without[LOOK][: without[LOOK].index("  push:")] + without[LOOK][without[LOOK].index("  in_app:\n") :]
    )
    gone = [one for one in differences(FILES, without) if one.kind == "words"]
    assert [(one.says, one.now) for one in gone][:2] == [
        ("push, as written, title", ""),
        ("push, as written, body", ""),
    ]


def test_a_campaign_that_is_new_gone_or_renamed_is_one_change() -> None:
    other = CAMPAIGN.replace("campaign: look", "campaign: glance")
    (said,) = told({**FILES, "campaigns/glance.yaml": other})
    assert said == (
        "campaign glance: -: new: You find it again. On product.viewed, when (count of product.viewed, same item,"
        " within 24 hours, at least 3 and not in the basket same item); by push, in_app; at most 1 in 7 days"
    )
    files = {name: text for name, text in FILES.items() if name != LOOK}
    assert told(files)[0].startswith("campaign look: -: gone; it was: You find it again.")
    renamed = {
        **files,
        "campaigns/glance.yaml": other.replace("priority: 40", "priority: 40\nformerly: look"),
    }
    assert told(renamed) == [
        "campaign glance: -: campaign: glance, was look",
        "campaign glance: -: former names: look, was not set",
    ]


def test_a_translation_belongs_to_its_campaign() -> None:
    words = "content: {push: {say: {title: Hallo, body: Da.}, soft: {title: Hallo, body: Da.}}}"
    name = "translations/de/look.yaml"
    assert told({**FILES, name: words}) == ["campaign look: -: in de: new"]
    (change,) = differences({**FILES, name: words}, {**FILES, name: words.replace("Hallo", "Tag", 1)})
    assert (change.part, change.says, change.now) == (
        "campaign look",
        "in de, push, as written, title",
        "Tag",
    )


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (LOOK, "campaign: look", "# What it is for.\ncampaign: look"),
        (LOOK, "within: 24h", "within: 1440m"),
        (LOOK, "priority: 40", "priority: 40\nenabled: true"),
        (
            LOOK,
            "{event: product.viewed, same: item, within: 24h, min: 3}",
            "{min: 3, within: 24h, same: item, event: product.viewed}",
        ),
        (LOOK, "helps: You find it again.", 'helps: "You find it again."'),
        ("channels.yaml", "max: 1, per: visit", "per: visit, max: 1"),
    ],
)
def test_another_way_to_write_the_same_is_no_difference(file: str, old: str, new: str) -> None:
    assert told(changed(file, old, new)) == []


def test_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(PolicyErrors, match=r"channels.yaml:1: nested"):
        differences(FILES, {**FILES, "channels.yaml": "[" * 40})


def node_of(value: Any) -> Node:
    """Make a node as the reader makes one."""
    if isinstance(value, dict):
        return Node("", 0, "", "mapping", "", {key: node_of(one) for key, one in value.items()}, {}, ())
    if isinstance(value, list):
        return Node("", 0, "", "list", "", {}, {}, tuple(map(node_of, value)))
    kind = "bool" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"
    return Node(
        "", 0, "", cast("Kind", kind), str(value).lower() if kind == "bool" else str(value), {}, {}, ()
    )


def mutants(value: Any) -> Iterator[Any]:
    """Yield a value with each of its parts taken out, and each changed, one at a time."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield {name: one for name, one in value.items() if name != key}
            yield from ({**value, key: other} for other in mutants(inner))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield [*value[:at], *value[at + 1 :]]
            yield from ([*value[:at], other, *value[at + 1 :]] for other in mutants(inner))
    else:
        yield from (other for other in (7, "90d", "other", True) if other != value)


@pytest.mark.parametrize("file", FILES)
def test_no_difference_stays_untold_and_what_is_tighter_one_way_is_looser_the_other(file: str) -> None:
    read_file = read(file, FILES[file], Findings())
    assert read_file is not None
    value = value_of(read_file)
    before = {file: node_of(value)}
    for other in mutants(value):
        after = {file: node_of(other)}
        there, back = list(compared(before, after)), list(compared(after, before))
        assert there, other
        assert len(there) == len(back), other
        if len(there) == 1:
            ways = {there[0].restraint, back[0].restraint}
            assert ways in ({""}, {"looser"}, {"looser", "tighter"}), (there, back)


WINDOWS = (
    "per: visit",
    "per: day",
    "per: week",
    "rolling: 12h",
    "rolling: 1d",
    "rolling: 3d",
    "rolling: 7d",
    "ever: true",
)
# Two messages: the hour of the first, how many hours later the second comes, and whether it is in another store.
PAIRS = [
    (first, after, store)
    for first in (0, 1, 23, 100, 143, 167)
    for after in (1, 11, 12, 13, 23, 24, 25, 71, 72, 73, 100, 167, 168, 169, 200)
    for store in (0, 1)
]


def stops(window: str, first: int, after: int, store: int) -> bool:
    """Tell by hand whether a cap of one message stops the second; a day begins at hour 0, a week on day 0."""
    kind, _, value = window.partition(": ")
    if kind == "rolling":
        return after < {"12h": 12, "1d": 24, "3d": 72, "7d": 168}[value]
    if kind == "ever":
        return True
    size = {"visit": 24, "day": 24, "week": 168}[value]
    return first // size == (first + after) // size and not (value == "visit" and store)


@pytest.mark.parametrize(("was", "now"), list(itertools.permutations(WINDOWS, 2)))
def test_a_cap_is_called_tighter_exactly_if_it_stops_all_that_the_other_stops(was: str, now: str) -> None:
    def caps(window: str) -> Node:
        kind, _, value = window.partition(": ")
        return node_of({"caps": [{"max": 1, kind: True if kind == "ever" else value}]})

    (change,) = shapes(Place("it", "it"), OVERALL, caps(was), caps(now))
    stops_all = all(stops(now, *pair) for pair in PAIRS if stops(was, *pair))
    assert change.restraint == ("tighter" if stops_all else "looser")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "{present: {event: order.completed, within: 7d}}",
            "{present: {event: order.completed, within: 14d}}",
            "looser: when: there was some event of order.completed, within 14 days, was within 7 days",
        ),
        (
            "{absent: {event: order.completed, within: 7d}}",
            "{absent: {event: order.completed, within: 14d}}",
            "tighter: when: there was no event of order.completed, within 14 days, was within 7 days",
        ),
        (
            "{absent: {event: order.completed, within: 7d}}",
            "{absent: {event: order.completed, category: coats, within: 7d}}",
            "-: when: there was no event of order.completed, category coats, within 7 days, was without category",
        ),
        (
            "{since: {event: order.completed, min: 7d}}",
            "{since: {event: order.completed, min: 3d}}",
            "looser: when: time since the latest event of order.completed, at least 3 days, was at least 7 days",
        ),
        (
            "{distinct: {of: day, event: app.opened, days: 9, min: 3}}",
            "{distinct: {of: day, event: app.opened, days: 9, min: 4}}",
            "tighter: when: different ones by day, of app.opened, days 9, at least 4, was at least 3",
        ),
        (
            "{time.of_day: {in: '09:00-12:00'}}",
            "{time.of_day: {in: ['09:00-12:00', '14:00-16:00']}}",
            "-: when: time of day in 09:00-12:00, 14:00-16:00, was in 09:00-12:00",
        ),
        (
            "{site: {in: [s-1]}}",
            "{site: {in: [s-1, s-2]}}",
            "looser: when: store in s-1, s-2, was in s-1",
        ),
        (
            "{plugin.rainy: {mm: 2}}",
            "{plugin.rainy: {mm: 3}}",
            "-: when: plugin.rainy mm 3, was plugin.rainy mm 2",
        ),
    ],
)
def test_what_a_condition_asks_is_told_in_words(old: str, new: str, expected: str) -> None:
    assert told(with_when(new), with_when(old)) == [f"campaign look: {expected}"]


def test_one_name_is_the_list_of_it() -> None:
    assert told(with_when("{site: {in: [s-1]}}"), with_when("{site: {in: s-1}}")) == []
