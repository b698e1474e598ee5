"""Campaigns of one trigger that ask the same are answered once, and as if each had asked alone."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streamproc.core.context import Remembered, RememberedItem
from streamproc.core.event import Item
from streamproc.core.policy.document import Node, read
from streamproc.core.policy.loader import load
from streamproc.core.policy.problems import Findings
from streamproc.core.policy.rule import Rule
from streamproc.core.policy.scope import Scope
from streamproc.core.policy.sharing import CROWD, Sharing
from streamproc.core.policy.when import Conditions
from tests.policy.rules import CATEGORIES, HOUR_MS, NOW_MS, event, scene, verdict
from tests.policy.samples import CAMPAIGN, FILES

LEAVES: tuple[dict[str, Any], ...] = (
    {"count": {"event": "product.viewed", "within": "1h", "min": 2}},
    {"count": {"event": "product.viewed", "same": "item", "within": "1h", "min": 2}},
    {"count": {"event": "product.viewed", "category": "coats", "within": "1h", "max": 1}},
    {"absent": {"event": "order.completed", "within": "1h"}},
    {"sum": {"of": "value", "event": "order.completed", "within": "1h", "max": 9, "currency": "EUR"}},
    {"distinct": {"of": "brand", "event": "product.viewed", "within": "1h", "min": 2}},
    {"surface": {"in": ["web"]}},
)
WHENS = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.one_of(
        inner.map(lambda one: {"not": one}),
        st.lists(inner, min_size=1, max_size=3).map(lambda many: {"all": many}),
        st.lists(inner, min_size=1, max_size=3).map(lambda many: {"any": many}),
    ),
    max_leaves=4,
)
ITEM = st.builds(
    RememberedItem,
    st.sampled_from(["a", "b"]),
    st.sampled_from(["coats", "odd"]),
    st.sampled_from(["", "N", "S"]),
)
RECENT = st.lists(
    st.builds(
        Remembered,
        st.sampled_from([NOW_MS, NOW_MS - HOUR_MS]),
        st.sampled_from(["product.viewed", "order.completed"]),
        st.lists(ITEM, max_size=2).map(tuple),
        value_minor=st.sampled_from([None, 500]),
        currency=st.sampled_from(["EUR", "USD"]),
    ),
    max_size=6,
)


def campaign(when: dict[str, Any]) -> Node:
    text = json.dumps({"trigger": {"event": "product.viewed"}, "when": when})
    node = read("campaign", text, Findings())
    assert node is not None
    return node


def compiled(nodes: list[Node], sharing: Sharing) -> list[Rule]:
    scope = Scope(CATEGORIES, trigger="product.viewed", sharing=sharing)
    return [Conditions(scope, Findings()).read(node.keys["when"]) for node in nodes]


@settings(max_examples=50, deadline=None)
@given(st.lists(WHENS, min_size=1, max_size=CROWD + 1), RECENT)
def test_sharing_and_crowding_change_no_answer(whens: list[dict[str, Any]], recent: list[Remembered]) -> None:
    nodes = [campaign(when) for when in whens]
    at_hand = event(Item("a", category="coats", brand="N"))
    together = scene(at_hand, recent)
    alone = [verdict(rule, scene(at_hand, recent)) for rule in compiled(nodes, Sharing())]
    assert [verdict(rule, together) for rule in compiled(nodes, Sharing(nodes))] == alone


def test_what_several_campaigns_ask_is_answered_once_and_the_rest_is_not_kept() -> None:
    shared = {"absent": {"event": "order.completed", "within": "1h"}}
    turned = {"absent": {"within": "1h", "event": "order.completed"}}
    own = {"count": {"event": "product.viewed", "within": "1h", "min": 1}}
    nodes = [
        campaign({"all": [shared, own]}),
        campaign({"not": turned}),
        campaign(LEAVES[6]),
        campaign(LEAVES[6]),
    ]
    asked = scene(event())
    for rule in compiled(nodes, Sharing(nodes)):
        rule.test(asked)
    assert asked.answers == {0: True}


def test_a_policy_sorts_events_only_where_a_trigger_has_a_crowd_of_campaigns() -> None:
    count = "when: {count: {event: product.viewed, within: 24h, min: 1}}\nchannels:"
    head, _, tail = CAMPAIGN.partition("when:")
    plain = head + count + tail.partition("channels:")[2]
    for campaigns, is_sorted in ((CROWD - 1, False), (CROWD, True)):
        names = [f"look_{number}" for number in range(campaigns)]
        files = {
            f"campaigns/{name}.yaml": plain.replace("campaign: look", f"campaign: {name}") for name in names
        }
        policy = load({**{name: text for name, text in FILES.items() if "/" not in name}, **files})
        asked = scene(event(), [Remembered(NOW_MS, "product.viewed")])
        assert policy.campaigns[names[0]].when(asked)
        assert (asked.sorted is not None) is is_sorted
