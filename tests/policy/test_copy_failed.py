"""Words that cannot be written leave their channel silent, and the next one speaks; it is counted."""

from __future__ import annotations

import pytest

from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Policy
from streamproc.core.tally import Tally
from streamproc.core.unit import Unit
from streamproc.ops.meter import MetricsMeter
from streamproc.ops.metrics import Metrics
from streamproc.testing import Harness
from tests.policy.samples import CAMPAIGN, FILES

CONTENT = """\
channels: [sms, push, in_app]
facts: {size: trait.size, brand: item.brand, group: item.category}
content:
  sms: {say: {text: "{{ brand }} waits."}, soft: {text: "{{ group }} waits."}}
  push:
    say: {title: Hello, body: '{{ size | plural(one="# is left", other="# are left") }}'}
    soft: {title: Hello, body: It is here.}
  in_app: {say: {title: Hello, body: It is here.}, soft: {title: Hello, body: It is here.}}
"""
NAMED = (
    'sensitivity: none, names: {en: "Пальто Пальто Пальто Пальто Пальто Пальто Пальто Пальто"}, repurchase'
)
LONG = "Пальто " * 11  # 77 characters in two bytes each: with reason and link more than two segments


def policy() -> Policy:
    text = CAMPAIGN.replace("channels: [push, in_app]\n", "").replace("facts: {item: item.name}\n", "")
    begin, end = text.index("when:"), text.index("category:")
    text = text[:begin] + text[end:]
    begin, end = text.index("content:"), text.index("examples:")
    named = FILES["categories.yaml"].replace("sensitivity: none, repurchase", NAMED)
    return load(
        {
            **FILES,
            "categories.yaml": named,
            "creep.yaml": "limit: 1",
            "campaigns/look.yaml": text[:begin] + CONTENT + text[end:],
        }
    )


POLICY = policy()


def shop(*consents: str, size: object = 3) -> Harness:
    harness = Harness(POLICY, now="2026-03-03T12:00Z")
    harness.consent("c-17", "processing", *consents)
    harness.profile("c-17", timezone="Europe/Berlin", traits={"size": size})
    return harness


def reasons(harness: Harness) -> list[tuple[str, str]]:
    (candidate,) = harness.decisions[0].candidates
    return [(reason.code, reason.detail) for reason in candidate.reasons]


def view(harness: Harness, brand: str = LONG) -> list[tuple[str, str]]:
    item = {"product_id": "coat-1", "category": "coats", "brand": brand}
    return [(nudge.channel, nudge.creep.rung) for nudge in harness.track("c-17", "Product Viewed", **item)]


def test_a_channel_whose_words_do_not_fit_hands_on_to_the_next() -> None:
    harness = shop("sms", "push")
    assert view(harness) == [("push", "send")]
    assert reasons(harness) == [("copy_failed", "sms: too_long: 3 of 2 segments")]
    assert harness.nudges[0].content["body"] == "3 are left You looked at it."


def test_a_template_that_fails_tries_the_soft_words_first() -> None:
    harness = shop("push", size="medium")
    assert view(harness) == [("push", "soften")]


def test_without_a_channel_left_nothing_is_said_and_the_decision_names_each() -> None:
    harness = shop("sms")
    assert view(harness) == []
    assert ("copy_failed", "sms: too_long: 3 of 2 segments") in reasons(harness)


def test_what_failed_is_counted_though_another_channel_spoke() -> None:
    harness, metrics = shop("sms", "push"), Metrics()
    view(harness)
    MetricsMeter(metrics, lambda: 0).unit(Tally(Unit("moments", (), {}, {})), harness.decisions)
    count = metrics.registry.get_sample_value
    assert count("streamproc_suppressed_total", {"gate": "copy_failed"}) == 1
    assert count("streamproc_decisions_total", {"verdict": "nudged"}) == 1


@pytest.mark.parametrize("size", ["medium", ["41", "42"], "", "1" * 300])
def test_whatever_a_customer_declared_there_is_a_message_or_a_reason(size: object) -> None:
    harness = shop("push", size=size)
    assert view(harness, "Nord") == [("push", "soften")]
    assert str(size) not in str(harness.decisions) or size == ""
