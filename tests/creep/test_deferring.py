"""What is too much now and fits in calm hours comes then: once, softly, on the quietest channel, or not at all."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamproc.core.decision import Candidate
from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Policy
from streamproc.ops.policy_files import load_folder
from streamproc.shipped import shipped_folder
from streamproc.testing import Harness
from tests.core.shopper import DAY_MS, HOUR_MS, Shopper

CUSTOMER = "c-17"
SOFT = "It is here. You get this because you looked at it in our shop."
CHANNELS = """\
locale: en
channels:
  push: {form: push, surface: app, quiet: {open: "09:00-21:00", hold_max: 12h}, expires: 2h}
  email: {form: email, surface: mailbox, quiet: none, hold_max: 24h, expires: 2d}
  in_app: {form: inbox, surface: app, quiet: none, hold_max: 24h, expires: 7d}
  web: {form: on_site, surface: site, quiet: none, expires: 30m}
overall: {caps: [{max: 50, per: day}], gap_min: 0m}
controls: {why: "https://shop.example/why/{nudge_id}", mute: "https://shop.example/mute/{nudge_id}",
  unsubscribe: "https://shop.example/stop/{nudge_id}"}
"""
HOLDS_NOTHING = CHANNELS.replace(", hold_max: 24h", "")
FILES = {path: text for path, text in load_folder(shipped_folder("policy")).files.items() if "/" not in path}
COPY: dict[str, dict[str, str]] = {
    "push": {"title": "News", "body": "{}"},
    "email": {"subject": "News", "text": "{}"},
    "in_app": {"title": "News", "body": "{}", "action": "/"},
    "web": {"title": "News", "body": "{}", "action": "/"},
}


def shop(
    *channels: str, channels_file: str = CHANNELS, limit: float = 0.4, creep: str = "", **more: Any
) -> Policy:
    """Compile a shop with one campaign on these channels."""
    content = {
        channel: {
            rung: {name: text.format(words) for name, text in COPY[channel].items()}
            for rung, words in (("say", "{{ item }} is here."), ("soft", "It is here."))
        }
        for channel in channels
    }
    idle = {"consents": [], "given": [{"at": "0m", "open": "app"}], "expect": []}
    campaign = {
        "campaign": "look",
        "helps": "You find it again.",
        "purpose": "marketing",
        "priority": 50,
        "trigger": {"event": "product.viewed"},
        "channels": list(channels),
        "category": "from_item",
        "facts": {"item": "item.name"},
        "because": ["viewed"],
        "caps": [{"max": 50, "rolling": "7d"}],
        "content": content,
        "examples": [{"name": "one", **idle}, {"name": "other", **idle}],
        **more,
    }
    files = {**FILES, "channels.yaml": channels_file, "campaigns/look.yaml": json.dumps(campaign)}
    return load(files | {"creep.yaml": creep or f"limit: {limit}"})


# How much somebody heard lately makes the difference: what was seen by then as repetition counts less in the morning.
HEARD = 5


def told(policy: Policy, until: str, *, heard: int = HEARD) -> Harness:
    """Let a customer of three weeks hear `heard` messages in the week before, and see one more item at this hour."""
    harness = Harness(policy, now="2026-03-02T12:00Z")
    harness.consent(CUSTOMER, "processing", "push", "email", "in_app", "web")
    harness.profile(CUSTOMER, timezone="UTC")
    harness.advance("20d")
    for number in range(heard):
        views(harness, f"coat-{number}")
        harness.advance("1h")
    hours = (int(until) - 12 - heard) % 24
    if hours:
        harness.advance(f"{hours}h")
    views(harness, "coat-last")
    return harness


def views(harness: Harness, item: str) -> None:
    harness.track(CUSTOMER, "Product Viewed", product_id=item, name="Wool coat", category="coats")


def last(harness: Harness) -> Candidate:
    return harness.decisions[-1].candidates[0]


def rung(harness: Harness) -> str:
    creep = last(harness).creep
    return "" if creep is None else creep.rung


def test_what_is_too_much_at_night_comes_when_calm_hours_begin() -> None:
    harness = told(shop("in_app", limit=0.25), "23")
    before = len(harness.nudges)
    assert (last(harness).verdict, rung(harness)) == ("deferred", "defer")
    assert harness.advance("10h59m") == []
    (nudge,) = harness.advance("1m")
    assert (nudge.channel, nudge.creep.rung, nudge.content["body"]) == ("in_app", "defer", SOFT)
    assert harness.advance("3d") == []
    assert len(harness.nudges) == before + 1


def test_what_is_too_much_in_calm_hours_waits_for_those_of_tomorrow() -> None:
    harness = told(shop("in_app", limit=0.25), "15")
    (reason,) = last(harness).reasons
    assert (last(harness).verdict, reason.next_at_ms) == ("deferred", harness.now_ms + 19 * HOUR_MS)
    assert harness.advance("18h59m") == []
    assert [one.creep.rung for one in harness.advance("1m")] == ["defer"]


def test_at_its_time_it_is_weighed_as_was_promised_and_the_same_without_a_promise_would_not_fit() -> None:
    harness = told(shop("in_app", limit=0.25), "23")
    promised = last(harness).creep
    (nudge,) = harness.advance("11h")
    creep = last(harness).creep
    assert promised is not None
    assert creep is not None
    assert creep.factors["repetition"] == pytest.approx(promised.factors["repetition"], rel=0.05)
    assert creep.factors["repetition"] < 0.4
    assert creep.score == nudge.creep.score
    harness = told(shop("in_app", channels_file=HOLDS_NOTHING, limit=0.25), "23")
    harness.advance("11h")
    views(harness, "coat-last")
    assert (last(harness).verdict, rung(harness)) == ("suppressed", "silence")


def test_it_is_put_off_once_and_then_silent_where_the_budget_is_full() -> None:
    policy = shop("in_app", creep="limit: 0.25\nfeedback: {why_opened: {level: 1, wariness: 1}}\n")
    harness = told(policy, "23")
    before = len(harness.nudges)
    assert last(harness).verdict == "deferred"
    asked = {"customer_id": CUSTOMER, "kind": "why_opened", "nudge_id": harness.nudges[0].nudge_id}
    harness.send(asked | {"at_ms": harness.now_ms}, topic="outcomes", customer=CUSTOMER)
    harness.advance("4d")
    assert len(harness.nudges) == before
    (decision,) = [one for one in harness.decisions if one.kind == "timer"]
    (candidate,) = decision.candidates
    assert (candidate.verdict, candidate.creep and candidate.creep.rung) == ("suppressed", "silence")
    assert "room" in candidate.reasons[0].detail


@pytest.mark.parametrize(
    ("channels_file", "more"),
    [
        (CHANNELS.replace("hold_max: 24h", "hold_max: 10h"), {}),
        (CHANNELS.replace(", hold_max: 24h", ""), {}),
        (CHANNELS, {"expires": "10h"}),
        (CHANNELS, {"active": {"from": "2026-03-01", "until": "2026-03-22"}}),
    ],
)
def test_what_cannot_be_held_so_long_has_no_such_step(channels_file: str, more: dict[str, Any]) -> None:
    harness = told(shop("in_app", channels_file=channels_file, limit=0.25, **more), "23")
    assert (last(harness).verdict, rung(harness)) == ("suppressed", "silence")
    creep = last(harness).creep
    assert creep is not None
    assert "defer" not in [one.rung for one in creep.tried]
    assert [one for one in harness.decisions if one.kind == "timer"] == []


def test_it_waits_on_the_quietest_channel_that_holds_it() -> None:
    holds = CHANNELS.replace("quiet: none, expires: 30m", "quiet: none, hold_max: 24h, expires: 30m")
    holds = holds.replace("quiet: none, hold_max: 24h, expires: 7d", "quiet: none, expires: 7d")
    harness = told(shop("web", "in_app", channels_file=holds, limit=0.2), "23")
    assert (last(harness).verdict, last(harness).channel) == ("deferred", "web")
    assert [one.channel for one in harness.advance("11h")] == ["web"]


def test_whoever_comes_too_late_for_the_calm_hours_finds_it_expired() -> None:
    shopper = Shopper.opted_in(shop("in_app", limit=0.25, expires="12h"))
    shopper.now_ms += 20 * DAY_MS
    for number in range(HEARD):
        shopper.views(f"coat-{number}")
        shopper.now_ms += HOUR_MS
    shopper.now_ms += 6 * HOUR_MS
    said = shopper.views("coat-last")
    assert said.candidates[0].verdict == "deferred"
    assert [(one.eased, one.held_until_ms) for one in shopper.timers] == [
        (True, shopper.now_ms + 12 * HOUR_MS)
    ]
    late = shopper.wakes(12 * HOUR_MS + 1)
    assert (late.nudge, late.candidates[0].verdict) == (None, "expired")
