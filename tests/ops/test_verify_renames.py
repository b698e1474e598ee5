"""A campaign is one campaign through all its names: for I2 its caps, for I5 its switch."""

from __future__ import annotations

from typing import Any

from tests.ops.run_records import FILES, NOON_MS, Line, charge, consents, ledger, nudge, only, policy, switch
from tests.ops.run_records import violations as found

# The caps of the others are left out, so that the campaign's own is the only one.
RENAMED = {
    **dict.fromkeys(FILES, "{}"),
    "campaigns/glance.yaml": "campaign: glance\nformerly: [look, peek]\ncaps: [{max: 2, rolling: 7d}]\n",
}


def charges(*names: str) -> list[Line]:
    entries = [charge(f"n-{at}", NOON_MS + at, campaign=name) for at, name in enumerate(names)]
    return [policy(files=RENAMED), *ledger(*entries)]


def test_what_was_charged_under_any_of_its_names_counts() -> None:
    assert found(charges("look", "peek")) == []
    assert found(charges("look", "other", "glance")) == []
    for names in (("look", "peek", "glance"), ("glance", "peek", "look")):
        assert only(charges(*names), "I2") == "campaign glance rolling 604800000 ms: 3 nudges of 2"


def test_a_nudge_finds_its_charge_under_the_first_name() -> None:
    def run(charged: str) -> list[Line]:
        lines = [policy(files=RENAMED), *consents(), *ledger(charge("n-1", campaign=charged))]
        return [*lines, nudge(campaign="glance")]

    assert found(run("look")) == []
    assert only(run("other"), "I2") == "nudge n-1 has no charge on push for glance"


def sent(*switches: Line, config_offset: str = "5", **fields: Any) -> list[Line]:
    lines = [policy(files=RENAMED), *consents(), *switches, *ledger(charge("n-1", campaign="look"))]
    return [*lines, nudge(campaign="glance", config_offset=config_offset, **fields)]


def test_a_switch_under_a_former_name_holds_until_there_is_one_under_a_newer() -> None:
    paused = switch(1, "campaign/look", enabled=False)
    assert only(sent(paused), "I5") == "campaign/glance is off at config offset 5"
    assert found(sent(paused, switch(2, "campaign/glance", enabled=True))) == []
    again = [switch(2, "campaign/peek", enabled=True), switch(3, "campaign/peek", enabled=None)]
    assert found(sent(paused, again[0])) == []
    assert only(sent(paused, *again), "I5") == "campaign/glance is off at config offset 5"


def test_a_switch_of_another_campaign_does_not_matter() -> None:
    assert found(sent(switch(1, "campaign/other", enabled=False))) == []


def test_the_second_within_which_it_counts_runs_from_the_former_names_switch_too() -> None:
    paused = switch(1, "campaign/look", enabled=False)
    late = sent(paused, config_offset="1", appended_ms=NOON_MS + 1_500)
    assert only(late, "I5") == "campaign/glance was off for 1500 ms when this was appended"
