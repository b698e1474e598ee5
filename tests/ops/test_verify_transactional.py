"""I2 and I3 for messages about an order: what they need not have, what they must, and that no other slips through."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ops.run_records import (
    FILES,
    NOON_MS,
    Line,
    charge,
    consent,
    consent_receipt,
    ledger,
    nudge,
    only,
    policy,
)
from tests.ops.run_records import violations as found

PROCESSING = consent(0, "*", "processing")


def rules(keys: str = "", purpose: str = "transactional") -> dict[str, str]:
    campaign = f"campaign: ordered\npurpose: {purpose}\ncaps: [{{max: 2, rolling: 7d}}]\n{keys}"
    channels = "channels: {push: {caps: [{max: 1, rolling: 7d}]}}\noverall: {caps: [{max: 1, rolling: 7d}]}\n"
    return {**dict.fromkeys(FILES, "{}"), "channels.yaml": channels, "campaigns/ordered.yaml": campaign}


def sent(*consents: Line, files: dict[str, str] | None = None, **fields: Any) -> list[Line]:
    entry = charge("n-1", campaign="ordered", category=fields.get("category", "coats"))
    lines = [policy(files=files or rules()), *consents, consent_receipt(len(consents) - 1), *ledger(entry)]
    return [*lines, nudge(campaign="ordered", consents_offset=len(consents), because=["purchased"], **fields)]


def test_it_needs_processing_and_no_opt_in() -> None:
    assert found(sent(PROCESSING)) == []
    assert "processing on * is not granted" in only(sent(), "I3")


def test_marketing_and_what_no_policy_knows_need_the_opt_in_all_the_same() -> None:
    assert "marketing on push is not granted" in only(
        sent(PROCESSING, files=rules(purpose="marketing")), "I3"
    )
    unknown = [one for one in sent(PROCESSING) if one["topic"] not in ("config", "ledger")]
    assert "marketing on push is not granted" in [one.detail[:32] for one in found(unknown)]


@pytest.mark.parametrize("state", ["withdrawn", "denied"])
@pytest.mark.parametrize("channel", ["push", "*"])
def test_a_refusal_is_found_unless_the_policy_is_exempt(channel: str, state: str) -> None:
    refused = consent(1, channel, "marketing", state)
    assert f"push is {state}" in only(sent(PROCESSING, refused), "I3")
    assert found(sent(PROCESSING, refused, files=rules("exempt_from: [refusal]\n"))) == []


@pytest.mark.parametrize("state", ["pending", "expired", "granted"])
def test_what_is_no_refusal_is_not_found(state: str) -> None:
    assert found(sent(PROCESSING, consent(1, "push", "marketing", state))) == []


def test_a_channel_granted_since_all_were_refused_is_free_and_one_refused_stays_so() -> None:
    def said(order: tuple[str, str], states: tuple[str, str]) -> list[Line]:
        return [
            consent(at, channel, "marketing", state, at_ms=NOON_MS - 9 + at)
            for at, (channel, state) in enumerate(zip(order, states, strict=True), 1)
        ]

    assert found(sent(PROCESSING, *said(("*", "push"), ("withdrawn", "granted")))) == []
    for order, states in (
        (("push", "*"), ("granted", "withdrawn")),
        (("push", "*"), ("withdrawn", "granted")),
    ):
        assert "push is withdrawn" in only(sent(PROCESSING, *said(order, states)), "I3")


def charges(*spent: tuple[str, bool], files: dict[str, str]) -> list[Line]:
    entries = [
        charge(f"n-{at}", NOON_MS + at, campaign=name, counts=counts)
        for at, (name, counts) in enumerate(spent)
    ]
    return [policy(files=files), *ledger(*entries)]


def details(lines: list[Line]) -> set[str]:
    return {one.detail.partition(":")[0] for one in found(lines)}


def test_it_obeys_the_caps_of_others_unless_it_is_exempt_and_its_own_always() -> None:
    twice, thrice = [("ordered", True)] * 2, [("ordered", True)] * 3
    assert details(charges(*twice, files=rules())) == {
        "channel push rolling 604800000 ms",
        "overall rolling 604800000 ms",
    }
    exempt = rules("exempt_from: [caps]\n")
    assert found(charges(*twice, files=exempt)) == []
    assert details(charges(*thrice, files=exempt)) == {"campaign ordered rolling 604800000 ms"}


def test_what_does_not_count_fills_its_own_cap_alone() -> None:
    free = rules("counts: false\n")
    assert found(charges(("ordered", False), ("second_look", True), files=free)) == []
    exempt = rules("counts: false\nexempt_from: [caps]\n")
    assert details(charges(*[("ordered", False)] * 3, files=exempt)) == {
        "campaign ordered rolling 604800000 ms"
    }
    counting = charges(("ordered", True), ("second_look", True), files=rules())
    assert details(counting) == {"channel push rolling 604800000 ms", "overall rolling 604800000 ms"}


def test_a_charge_that_counts_otherwise_than_its_policy_says_is_found() -> None:
    assert "its charge does not count" in only(charges(("ordered", False), files=rules()), "I2")
    assert "its charge does not count" in only(charges(("second_look", False), files=rules()), "I2")
    assert "its charge counts" in only(charges(("ordered", True), files=rules("counts: false\n")), "I2")
    marketing = rules("counts: false\n", purpose="marketing")
    assert "its charge does not count" in only(charges(("ordered", False), files=marketing), "I2")
