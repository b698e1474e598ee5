"""In the store others hear and see: nothing that was declared is said, and a display says nothing of anybody."""

from __future__ import annotations

import pytest

from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Policy
from streamproc.core.policy.problems import PolicyErrors
from streamproc.core.render import frame_of, render
from tests.policy.messages import NUDGE_ID, written
from tests.policy.samples import CAMPAIGN, CHANNELS, FILES

DISPLAY = CHANNELS.replace("form: staff", "form: display")


def speaking(say: str, channels: str = DISPLAY, facts: str = "item: item.name", more: str = "") -> Policy:
    begin, end = CAMPAIGN.index("content:"), CAMPAIGN.index("examples:")
    words = f'content:\n  in_store: {{say: {{text: "{say}"}}, soft: {{text: "Hello."}}}}\n'
    text = (CAMPAIGN[:begin] + more + words + CAMPAIGN[end:]).replace("[push, in_app]", "[in_store]")
    text = text.replace("channel: push", "channel: in_store").replace("item: item.name", facts)
    return load({**FILES, "channels.yaml": channels, "campaigns/look.yaml": text})


def content(policy: Policy) -> dict[str, object]:
    campaign, channel = policy.campaigns["look"], policy.channels["in_store"]
    frame = frame_of(policy, campaign, channel, "en", NUDGE_ID, 0)
    return render(campaign, channel, "send", {}, frame)


def test_the_staff_may_name_an_item_and_the_reason() -> None:
    assert written("in_store") == {
        "text": "Wool coat is on floor two. You looked at it.",
        "locale": "en",
    }


def test_a_display_shows_the_words_alone_since_the_reason_would_tell_on_somebody() -> None:
    assert content(speaking("The sale is on.")) == {"text": "The sale is on.", "locale": "en"}


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("item.name", "an item"),
        ("item.brand", "a brand"),
        ("item.category", "a category"),
        ("cart.count", "a category"),
        ("cart.value", "an item"),
        ("wishlist.last.name", "an item"),
        ("trait.first_name", "an item"),
    ],
)
def test_a_fact_of_one_customer_on_a_display_is_refused_at_load(path: str, shown: str) -> None:
    with pytest.raises(PolicyErrors) as refused:
        speaking("{{ it }} is here.", facts=f"it: {path}")
    message = f"a display is public: {{{{ it }}}} ({path}) would show others {shown}"
    assert f"campaigns/look.yaml:16: content.in_store.say.text: {message}" in str(refused.value)


def test_the_end_of_a_campaign_is_nobodys_secret() -> None:
    more = "active: {until: 2026-11-30}\n"
    policy = speaking("Until {{ it | date('day') }}.", facts="it: campaign.until", more=more)
    assert policy.campaigns["look"].content["en"]["in_store"].say.uses == {"it": "date"}


@pytest.mark.parametrize(
    ("specificity", "is_refused"), [("category", False), ("item", True), ("place", True)]
)
def test_words_that_reveal_more_than_a_category_are_refused_on_a_display(
    specificity: str, *, is_refused: bool
) -> None:
    more = f"reveals: {{specificity: {specificity}}}\n"
    if not is_refused:
        speaking("Coats.", facts="n: cart.count", more=more)
        return
    with pytest.raises(PolicyErrors, match=f"reveals.specificity: {specificity} is more than a display"):
        speaking("Coats.", facts="n: cart.count", more=more)
    speaking("Coats.", CHANNELS, facts="n: cart.count", more=more)


def test_the_staff_never_hear_what_a_customer_declared() -> None:
    with pytest.raises(PolicyErrors, match="in_store may be overheard or overlooked"):
        speaking("{{ it }} is here.", CHANNELS, facts="it: trait.first_name")
