"""What may still stop a nudge between its decision and its hand-over."""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from streamproc.core.decision import Handover
from streamproc.core.reasons import Why
from streamproc.core.refusal import Standing, refusal
from tests.core.shopper import HOUR_MS, NOON_MS, Shopper


@dataclass
class Waiting:
    """A push nudge decided at noon that waits for its hand-over."""

    shopper: Shopper
    handover: Handover

    @classmethod
    def nudge(cls, *, sensed: bool = False) -> Waiting:
        shopper = Shopper.opted_in()
        shopper.consents("*", "sensing")
        said = shopper.stays() if sensed else shopper.views()
        assert said.emission is not None
        assert said.emission.handover is not None
        return cls(shopper, said.emission.handover)

    def now(self, *, asked: bool = True) -> tuple[str, str] | None:
        """Return the code and detail of the refusal now; `asked`: with consent and memory read afresh."""
        customer = self.shopper.customer
        standing = Standing(customer.consent, customer.context) if asked else None
        why: Why | None = refusal(self.handover, self.shopper.rules, self.shopper.now_ms, standing)
        return None if why is None else (why.code.name, why.detail)


def test_a_nudge_goes_while_nothing_changed() -> None:
    waiting = Waiting.nudge()
    assert (waiting.now(), waiting.now(asked=False)) == (None, None)


def test_what_was_switched_off_since_is_refused_even_when_nothing_is_read_afresh() -> None:
    for key, refused in (
        ("all", ("ALL_OFF", "stock-taking")),
        ("channel/push", ("CHANNEL_OFF", "push: stock-taking")),
        ("campaign/look", ("CAMPAIGN_OFF", "stock-taking")),
    ):
        waiting = Waiting.nudge()
        waiting.shopper.switch(key)
        assert waiting.now(asked=False) == refused


def test_a_campaign_paused_under_another_of_its_names_is_refused() -> None:
    waiting = Waiting.nudge()
    policy = waiting.shopper.rules.policy
    glance = replace(policy.campaigns["look"], id="glance", formerly=("look", "peek"))
    waiting.shopper.rules = replace(
        waiting.shopper.rules, policy=replace(policy, campaigns={"glance": glance})
    )
    assert waiting.now(asked=False) is None
    waiting.shopper.switch("campaign/glance")
    assert waiting.now(asked=False) == ("CAMPAIGN_OFF", "stock-taking")


def test_another_channels_switch_refuses_nothing() -> None:
    waiting = Waiting.nudge()
    waiting.shopper.switch("channel/sms")
    assert waiting.now(asked=False) is None


def test_a_nudge_is_refused_from_the_moment_of_its_expiry() -> None:
    waiting = Waiting.nudge()
    expires_ms = NOON_MS + 2 * HOUR_MS
    waiting.shopper.now_ms = expires_ms - 1
    assert waiting.now(asked=False) is None
    waiting.shopper.now_ms = expires_ms
    assert waiting.now(asked=False) == ("EXPIRED", f"{expires_ms} >= {expires_ms}")


def test_who_withdrew_while_the_nudge_waited_does_not_get_it() -> None:
    waiting = Waiting.nudge()
    waiting.shopper.consents("push", state="withdrawn")
    assert waiting.now() == ("NOT_OPTED_IN", f"push: push/marketing: withdrawn at {NOON_MS}")
    waiting = Waiting.nudge()
    waiting.shopper.consents("*", "processing", "withdrawn")
    assert waiting.now() == ("NOT_OPTED_IN", "processing")


def test_who_withdrew_the_consent_to_sensing_does_not_get_what_a_beacon_caused() -> None:
    waiting = Waiting.nudge(sensed=True)
    waiting.shopper.consents("*", "sensing", "withdrawn")
    assert waiting.now() == ("SENSING", f"*/sensing: withdrawn at {NOON_MS}")
    other = Waiting.nudge()
    other.shopper.consents("*", "sensing", "withdrawn")
    assert other.now() is None


def test_who_withdrew_the_consent_to_a_special_category_hears_no_more_of_it() -> None:
    waiting = Waiting.nudge()
    waiting.handover = msgspec.structs.replace(waiting.handover, category="pregnancy")
    assert waiting.now() == ("SPECIAL_CATEGORY", "*/category/pregnancy: unknown")
    waiting.shopper.consents("*", "category/pregnancy")
    assert waiting.now() is None


def test_a_hold_that_came_meanwhile_is_kept() -> None:
    waiting = Waiting.nudge()
    waiting.shopper.demands("object")
    refused = waiting.now()
    assert refused is not None
    assert refused[0] == "HOLD"


def test_a_hold_is_kept_for_a_customer_without_a_profile() -> None:
    waiting = Waiting.nudge()
    waiting.shopper.demands("object")
    assert waiting.shopper.customer.context is not None
    waiting.shopper.customer.context.profile = None
    refused = waiting.now()
    assert refused is not None
    assert refused[0] == "HOLD"


def test_a_wish_that_came_meanwhile_is_kept() -> None:
    for field, value, code in (
        ("paused_until_ms", NOON_MS + 1, "PAUSED"),
        ("muted_categories", ("coats",), "CATEGORY_MUTED"),
        ("channels_off", ("push",), "CHANNEL_DECLINED"),
    ):
        waiting = Waiting.nudge()
        assert waiting.shopper.customer.context is not None
        setattr(waiting.shopper.customer.context.profile, field, value)
        refused = waiting.now()
        assert refused is not None
        assert refused[0] == code


def test_a_nudge_that_waited_into_the_night_is_refused() -> None:
    waiting = Waiting.nudge()
    waiting.shopper.now_ms = NOON_MS + 8 * HOUR_MS
    waiting.handover = _expiring_later(waiting.handover)
    assert waiting.now() == ("QUIET_HOURS", "push")


def test_a_channel_without_hours_asks_for_no_zone() -> None:
    shopper = Shopper.opted_in()
    shopper.consents("push", state="withdrawn")
    said = shopper.views()
    assert said.channel == "email"
    assert said.emission is not None
    assert said.emission.handover is not None
    assert shopper.customer.context is not None
    shopper.customer.context.profile = None
    assert Waiting(shopper, said.emission.handover).now() is None


def test_a_customer_of_whom_nothing_is_left_gets_nothing() -> None:
    waiting = Waiting.nudge()
    waiting.shopper.customer.context = None
    assert waiting.now() == ("HOLD", "nothing is remembered of the customer any more")


def _expiring_later(handover: Handover) -> Handover:
    return msgspec.structs.replace(handover, expires_at_ms=handover.expires_at_ms + 24 * HOUR_MS)
