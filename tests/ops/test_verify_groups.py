"""I2: no two campaigns of an exclusive group are charged in one window."""

from __future__ import annotations

from typing import Any

from tests.ops.run_records import DAY_MS, FILES, NOON_MS, Line, charge, ledger, only, policy
from tests.ops.run_records import violations as found

# The caps of the others are left out, so that the group is all that restrains.
GROUPED = {
    **dict.fromkeys(FILES, "{}"),
    "channels.yaml": "groups: {winter: {window: 3d}}\n",
    "campaigns/coats.yaml": "campaign: coats\nformerly: jackets\ngroup: winter\n",
    "campaigns/boots.yaml": "campaign: boots\ngroup: winter\n",
    "campaigns/hats.yaml": "campaign: hats\n",
}


def charges(*spent: tuple[str, int], **fields: Any) -> list[Line]:
    entries = [
        charge(
            f"n-{at}",
            NOON_MS + ms,
            campaign=name,
            **{"group": "" if name == "hats" else "winter", **fields},
        )
        for at, (name, ms) in enumerate(spent)
    ]
    return [policy(files=GROUPED), *ledger(*entries)]


def test_another_of_the_group_in_the_window_is_found_and_the_windows_start_is_outside() -> None:
    assert found(charges(("coats", 0), ("boots", 3 * DAY_MS))) == []
    late = charges(("coats", 0), ("boots", 3 * DAY_MS - 1))
    assert only(late, "I2") == "group winter: boots spoke in the window of coats"


def test_the_same_campaign_under_any_name_and_campaigns_of_no_group_are_free() -> None:
    assert found(charges(("jackets", 0), ("coats", 1))) == []
    assert found(charges(("coats", 0), ("hats", 1))) == []


def test_a_charge_that_hides_its_group_is_found() -> None:
    hidden = charges(("coats", 0), group=None)
    assert only(hidden, "I2") == "coats is in group 'winter', its charge says ''"
    assert "hats is in group ''" in only(charges(("hats", 0), group="winter"), "I2")


def test_a_window_that_is_none_is_found() -> None:
    files = {**GROUPED, "channels.yaml": "groups: {winter: {window: soon}}\n"}
    lines = [policy(files=files), *ledger(charge("n-1", campaign="coats", group="winter"))]
    assert "group winter: this is no window: soon" in only(lines, "I2")
