"""In the app and on the site there is plain text, and a way that the policy allows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.channels.message import RenderCode, RenderError
from streamproc.core.links import link_problem
from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Policy
from streamproc.core.policy.problems import PolicyErrors
from streamproc.core.render import frame_of, render
from tests.policy.messages import NUDGE_ID, written
from tests.policy.samples import CHANNELS, FILES

ALLOWED = ("https://shop.example/", "https://help.shop.example/orders/")


def test_inbox_and_site_have_title_body_and_action() -> None:
    title, body = "Hi", "Wool coat You looked at it."
    shown = {"title": title, "body": body, "title_html": title, "body_html": body}
    expected = {**shown, "action_url": "/seen", "locale": "en"}
    assert written("in_app") == written("web") == expected
    assert written("web", "soften")["action_url"] == ""


def test_what_is_shown_is_plain_text_and_stays_as_it_is() -> None:
    assert written("web", item="<b>5 < 6 & 7</b>")["body"] == "<b>5 < 6 & 7</b> You looked at it."


def leading(action: str, channels: str = CHANNELS, **facts: str) -> Policy:
    listed = "".join(f"\n  - {one}" for one in ALLOWED)
    campaign = FILES["campaigns/look.yaml"].replace("action: /seen", f"action: {action!r}", 1)
    declared = "".join(f", {name}: {path}" for name, path in facts.items())
    campaign = campaign.replace("{item: item.name", f"{{item: item.name{declared}")
    return load({**FILES, "channels.yaml": f"{channels}actions:{listed}\n", "campaigns/look.yaml": campaign})


def action_of(policy: Policy, **values: str) -> object:
    campaign, channel = policy.campaigns["look"], policy.channels["in_app"]
    frame = frame_of(policy, campaign, channel, "en", NUDGE_ID, 0)
    return render(campaign, channel, "send", {"item": "Coat", **values}, frame)["action_url"]


@pytest.mark.parametrize(
    "action",
    [
        "/",
        "/basket",
        "/sale?from=mail&x=%20y#top",
        "https://shop.example/",
        "https://shop.example/a/b.html",
        "https://help.shop.example/orders/17",
    ],
)
def test_a_path_and_an_address_on_the_list_are_allowed(action: str) -> None:
    assert action_of(leading(action)) == action


REFUSED = [
    "basket",
    "//evil.example",
    "//shop.example/",
    "/\\evil.example",
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "data:text/html,x",
    "http://shop.example/",
    "HTTPS://shop.example/",
    "https://evil.example/",
    "https://shop.example",
    "https://shop.example.evil.example/",
    "https://shop.example@evil.example/",
    "https://shop.example:8443/",
    "https://evil.example/https://shop.example/",
    "https://help.shop.example/",
    "https://help.shop.example/orders/../admin",
    "https://help.shop.example/orders/%2e%2E/admin",
    "/a/../../b",
    "/a/%2e%2e%2fb",
    "/a b",
    '/a"b',
    "/a'b",
    "/a<b",
    "/körbe",
    "/a%2",
    "/a\\..\\b",
]


@pytest.mark.parametrize("action", REFUSED)
def test_any_other_action_is_refused_at_load(action: str) -> None:
    with pytest.raises(PolicyErrors, match=r"campaigns/look.yaml:18: content.in_app.say.action: "):
        leading(action.replace("\\", "\\\\") if "'" in action else action)


@pytest.mark.parametrize("action", [*REFUSED, "/x" * 600, ""])
def test_any_other_action_is_refused_at_run_time(action: str) -> None:
    assert link_problem(action, ALLOWED)


def test_a_link_to_an_item_takes_its_id_percent_encoded() -> None:
    policy = leading("/item/{{ id }}?from=nudge", id="item.id")
    assert action_of(policy, id="coat 1/ä") == "/item/coat%201%2F%C3%A4?from=nudge"
    assert action_of(policy, id="x" * 128) == f"/item/{'x' * 128}?from=nudge"


@pytest.mark.parametrize("value", ["..", ".", "../../admin", "a\ud800"])
def test_a_value_that_would_lead_elsewhere_writes_nothing(value: str) -> None:
    with pytest.raises(RenderError) as refused:
        action_of(leading("/item/{{ id }}", id="item.id"), id=value)
    assert refused.value.code is RenderCode.LINK_REFUSED
    assert value not in str(refused.value)


@given(st.text(min_size=1, max_size=40) | st.text("./\\%2eE?#@:", min_size=1, max_size=12))
def test_no_value_leads_out_of_the_folder_or_to_another_host(value: str) -> None:
    try:
        link = str(action_of(PATH, id=value))
    except RenderError:
        return
    assert link.startswith("https://help.shop.example/orders/item-")
    assert link.isascii()
    assert link.count("/") == 4
    assert not set(link) & set(" <>\"'\\{}\n#")


PATH = leading("https://help.shop.example/orders/item-{{ id }}", id="item.id")


@pytest.mark.parametrize(
    "entry",
    ["https://shop.example", "http://shop.example/", "https://*.shop.example/", "https://a/b", "/basket"],
)
def test_an_entry_of_the_list_is_a_whole_host_or_folder(entry: str) -> None:
    with pytest.raises(
        PolicyErrors, match=r"channels.yaml:15: actions\[0\]: .* is not such as https://shop.example/"
    ):
        load({**FILES, "channels.yaml": f"{CHANNELS}actions:\n  - {entry!r}\n"})


def test_without_a_list_only_paths_are_allowed() -> None:
    campaign = FILES["campaigns/look.yaml"].replace("action: /seen", "action: https://shop.example/", 1)
    with pytest.raises(PolicyErrors, match=r"is not among the actions of channels.yaml, which has none"):
        load({**FILES, "campaigns/look.yaml": campaign})


def test_a_soft_action_may_not_name_an_item() -> None:
    campaign = FILES["campaigns/look.yaml"].replace(
        "body: It is here., action: /seen", 'body: It is here., action: "/item/{{ item }}"'
    )
    with pytest.raises(PolicyErrors, match="soft words may reveal a category at most"):
        load({**FILES, "campaigns/look.yaml": campaign})
