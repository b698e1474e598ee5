"""`policy new`: a campaign to begin with passes the check as it is, whatever is there already."""

from __future__ import annotations

import re

import pytest

from streamproc.core.policy.kinds import TRIGGER_KINDS
from streamproc.core.policy.loader import Loaded, load_all
from streamproc.ops.policy_files import read_folder
from streamproc.ops.policy_skeleton import PREFERRED, TRIGGERS, skeleton
from streamproc.ops.try_examples import try_example
from streamproc.shipped import shipped_folder
from tests.policy.samples import CAMPAIGN, CHANNELS, FILES

BARE = {name: text for name, text in FILES.items() if not name.startswith("campaigns/")}


def begun(files: dict[str, str], name: str = "spring") -> Loaded:
    text = skeleton(name, load_all(files), with_schema=True)
    assert text is not None
    return load_all({**files, f"campaigns/{name}.yaml": text})


@pytest.mark.parametrize("channel", PREFERRED)
def test_it_holds_in_a_policy_with_this_channel_alone(channel: str) -> None:
    kept = [
        line
        for line in CHANNELS.splitlines()
        if not line.startswith("  ") or f" {channel}:" in line or "http" in line
    ]
    loaded = begun({**BARE, "channels.yaml": "\n".join(kept)})
    campaign = loaded.policy.campaigns["spring"]
    assert campaign.channels == (channel,)
    assert all(try_example(loaded.policy, one).passed for one in loaded.examples["spring"])
    assert loaded.warnings == ()


def test_it_holds_beside_the_campaigns_that_ship_and_so_do_they() -> None:
    loaded = begun(read_folder(shipped_folder("policy")))
    for examples in loaded.examples.values():
        assert all(try_example(loaded.policy, one).passed for one in examples)
    assert loaded.policy.campaigns["spring"].priority >= loaded.policy.overall.priority_min


def test_it_speaks_of_an_item_where_nothing_does_yet_and_of_another_event_where_something_does() -> None:
    assert begun(BARE).policy.campaigns["spring"].trigger.kind == "wishlist.added"
    wish = (
        CAMPAIGN.replace("product.viewed", "wishlist.added")
        .replace("[viewed]", "[wishlist]")
        .replace("view:", "wish:")
    )
    busy = {**BARE, "campaigns/look.yaml": re.sub(r"when:.*?channels:", "channels:", wish, flags=re.DOTALL)}
    assert begun(busy).policy.campaigns["spring"].trigger.kind == "product.viewed"


def test_every_key_has_a_comment_and_the_policys_own_names_stand_there() -> None:
    text = skeleton("spring", load_all(BARE), with_schema=False) or ""
    for line, before in zip(text.splitlines()[1:], text.splitlines(), strict=False):
        if re.match(r"\w+:", line):
            assert before.startswith("# "), line
    assert "push (0.80)" in text
    assert "coats, shoes, pregnancy (special)" in " ".join(text.replace("\n# ", " ").split())
    assert "yaml-language-server" not in text


def test_where_nothing_fits_it_says_so() -> None:
    loaded = load_all(BARE)
    taken = {
        "campaigns/spring.yaml": CAMPAIGN.replace("campaign: look", "campaign: spring").replace(
            "priority: 40", "priority: 40\nformerly: winter"
        )
    }
    assert skeleton("winter", load_all({**BARE, **taken}), with_schema=True) is None
    assert skeleton("winter", loaded, with_schema=True) is not None


def test_the_events_it_names_may_trigger() -> None:
    assert set(TRIGGERS) <= TRIGGER_KINDS
