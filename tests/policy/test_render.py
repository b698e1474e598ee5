"""What each channel says, and what never gets into it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.channels.message import Frame, RenderCode, RenderError
from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Campaign, Channel, Policy
from streamproc.core.render import (
    content_locale,
    control_links,
    frame_of,
    reason_sentence,
    render,
)
from streamproc.core.values import clean
from tests.policy.samples import FILES, GERMAN_REASONS, REASONS

CONTENT = """\
channels: [sms, in_store, push, email, web, in_app]
content:
  push: &
    say: {title: "Hi {{ item }}", body: "{{ item }} is here.", action: /seen}
    soft: {title: Hello, body: It is here.}
  email:
    say: {subject: "{{ item }}", text: "{{ item }} is here.\\n\\nNo rush.", html: "<p><b>{{ item }}</b></p>"}
    soft: {subject: It is here, text: It is here.}
  sms: {say: {text: "{{ item }} is here."}, soft: {text: It is here.}}
  in_app: {say: {title: Hi, body: "{{ item }}", action: /seen}, soft: {title: Hi, body: Here.}}
  web: {say: {title: Hi, body: "{{ item }}", action: /seen}, soft: {title: Hi, body: Here.}}
  in_store: {say: {text: "{{ item }} is on floor two."}, soft: {text: It is on floor two.}}
""".replace("push: &", "push:")
REASON = "You looked at it."
NUDGE_ID = "0123456789abcdef0123456789abcdef"
STOP = f"https://shop.example/stop/{NUDGE_ID}"


def policy_with(content: str = CONTENT, **more: str) -> Policy:
    text = FILES["campaigns/look.yaml"].replace("channels: [push, in_app]\n", "")
    begin, end = text.index("content:"), text.index("examples:")
    files = {**FILES, "campaigns/look.yaml": text[:begin] + content + text[end:]}
    return load({**files, **{name.replace("__", "/") + ".yaml": words for name, words in more.items()}})


POLICY = policy_with()
LOOK = POLICY.campaigns["look"]
FRAME = Frame("en", REASON, control_links(POLICY, NUDGE_ID), NUDGE_ID, expires_at_ms=1_772_550_000_000)


def written(
    channel: str, rung: str = "send", item: str = "Wool coat", campaign: Campaign = LOOK
) -> dict[str, object]:
    return render(campaign, POLICY.channels[channel], rung, {"item": item}, FRAME)


def test_a_push_has_its_words_its_reason_and_its_links_in_the_data() -> None:
    assert written("push") == {
        "title": "Hi Wool coat",
        "body": "Wool coat is here. You looked at it.",
        "data": {
            "nudge_id": NUDGE_ID,
            "action": "/seen",
            "reason": REASON,
            "why": f"https://shop.example/why/{NUDGE_ID}",
            "mute": f"https://shop.example/mute/{NUDGE_ID}",
            "unsubscribe": STOP,
        },
        "collapse_key": "look",
        "interruption_level": "active",
    }


def test_a_soft_push_makes_no_sound_and_names_nothing() -> None:
    content = written("push", "soften")
    assert (content["title"], content["body"]) == ("Hello", "It is here. You looked at it.")
    assert content["interruption_level"] == "passive"


def test_a_mail_can_be_unsubscribed_in_one_step_and_carries_reason_and_links() -> None:
    content = written("email")
    assert content["headers"] == {
        "List-Unsubscribe": f"<{STOP}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    assert content["subject"] == "Wool coat"
    assert str(content["text"]).startswith(
        "Wool coat is here.\n\nNo rush.\n\nYou looked at it.\nWhy? https://"
    )
    assert str(content["text"]).endswith(f"Stop {STOP}\n")
    assert f'<a href="{STOP}">Stop</a>' in str(content["html"])


def test_a_mail_without_html_of_its_own_gets_it_from_its_text() -> None:
    assert str(written("email", "soften")["html"]).startswith(
        "<p>It is here.</p><p>You looked at it. <a href="
    )


def test_values_are_escaped_in_html_and_only_there() -> None:
    content = written("email", item='<script>"&')
    assert str(content["html"]).startswith("<p><b>&lt;script&gt;&quot;&amp;</b></p>")
    assert content["subject"] == '<script>"&'


def test_a_line_break_in_a_value_forges_no_header() -> None:
    content = written("email", item="Coat\r\nBcc: everyone@shop.example\u2028x\x00")
    assert content["subject"] == "Coat Bcc: everyone@shop.example x"


def test_a_value_is_never_read_as_a_template() -> None:
    assert written("web", item="{{ 7 * 7 }}{% raw %}")["body"] == "{{ 7 * 7 }}{% raw %} You looked at it."


def test_inbox_and_site_have_title_body_and_action() -> None:
    expected = {"title": "Hi", "body": "Wool coat You looked at it.", "action_url": "/seen"}
    assert written("in_app") == written("web") == expected
    assert written("web", "soften")["action_url"] == ""


def test_in_the_store_there_is_a_text_and_nothing_else() -> None:
    assert written("in_store") == {"text": "Wool coat is on floor two. You looked at it."}


def test_a_reason_that_does_not_fit_is_left_out_of_loud_words_and_never_of_soft_ones() -> None:
    long = "You looked " + "x" * 300
    push, frame = POLICY.channels["push"], replace(FRAME, reason=long)
    assert render(LOOK, push, "send", {"item": "Coat"}, frame)["body"] == "Coat is here."
    with pytest.raises(RenderError) as refused:
        render(LOOK, push, "soften", {}, frame)
    assert refused.value.code is RenderCode.TOO_LONG


@pytest.mark.parametrize("item", ["", "  ", "\x00\r\n", "\u202e", "\u200d"])
def test_a_fact_that_is_missing_or_empty_writes_nothing(item: str) -> None:
    with pytest.raises(RenderError) as refused:
        written("push", item=item)
    assert (refused.value.code, refused.value.detail) == (RenderCode.FACT_MISSING, "item")


def test_a_long_value_is_cut_and_says_so() -> None:
    body = str(written("web", item="x" * 100)["body"])
    assert body == "x" * 79 + "… You looked at it."


def test_nothing_is_written_without_a_reason_a_control_or_words() -> None:
    def code(frame: Frame, channel: Channel = POLICY.channels["push"]) -> str:
        with pytest.raises(RenderError) as refused:
            render(LOOK, channel, "soften", {}, frame)
        return refused.value.code

    assert code(replace(FRAME, reason=" ")) == "reason_missing"
    assert code(replace(FRAME, controls={**FRAME.controls, "mute": ""})) == "control_missing"
    assert code(FRAME, replace(POLICY.channels["push"], name="fax")) == "no_words"


GERMAN = 'content:\n  web: {say: {title: Hallo, body: "{{ item }}"}, soft: {title: Hallo, body: Da.}}\n'


@pytest.mark.parametrize(
    ("locale", "channel", "expected"),
    [
        ("de", "web", "de"),
        ("de-CH", "web", "de"),
        ("de_AT", "web", "de"),
        ("de", "push", "en"),
        ("", "web", "en"),
    ],
)
def test_words_come_in_the_language_asked_for_or_the_default(
    locale: str, channel: str, expected: str
) -> None:
    policy = policy_with(translations__de__look=GERMAN, reasons=REASONS + GERMAN_REASONS)
    campaign = policy.campaigns["look"]
    frame = frame_of(policy, campaign, policy.channels[channel], locale, NUDGE_ID, 0)
    assert content_locale(campaign, channel, locale) == frame.locale == expected
    title = render(campaign, policy.channels[channel], "soften", {}, frame)["title"]
    assert title == ("Hallo" if expected == "de" else {"web": "Hi", "push": "Hello"}[channel])


def test_the_reason_names_every_code_in_one_language() -> None:
    policy = load({**FILES, "reasons.yaml": REASONS + GERMAN_REASONS})
    assert reason_sentence(policy, ["viewed"], "de-AT") == "Sie haben es angesehen."
    assert reason_sentence(policy, ["viewed", "cart"], "de") == "You looked at it. You put it in your basket."
    assert reason_sentence(policy, ["cart"], "fr") == "You put it in your basket."


@pytest.mark.parametrize(
    ("campaign_ms", "expected_ms"), [(None, 7_200_500), (60_000, 60_500), (10**9, 7_200_500)]
)
def test_a_message_ends_with_its_channel_or_its_campaign_whichever_is_sooner(
    campaign_ms: int | None, expected_ms: int
) -> None:
    campaign = replace(LOOK, expires_ms=campaign_ms)
    frame = frame_of(POLICY, campaign, POLICY.channels["push"], "en", NUDGE_ID, 500)
    assert frame.expires_at_ms == expected_ms


def test_the_links_of_control_name_the_nudge() -> None:
    assert control_links(POLICY, "n-1")["mute"] == "https://shop.example/mute/n-1"


@given(st.text())
def test_a_clean_value_is_one_printable_line(value: str) -> None:
    cleaned = clean(value)
    assert cleaned.replace("\u200d", "").replace("\u200c", "").isprintable()
    assert cleaned == clean(cleaned) == cleaned.strip()


@given(st.text(min_size=1), st.sampled_from(["push", "email", "sms", "in_app", "web", "in_store"]))
def test_any_value_gives_a_message_or_a_closed_code(item: str, channel: str) -> None:
    content = written_or_code(channel, item)
    if isinstance(content, dict):
        assert "\r" not in repr(content)
        assert "\n" not in "".join(str(content.get(field, "")) for field in ("subject", "title", "body"))
    else:
        assert content is RenderCode.FACT_MISSING


def written_or_code(channel: str, item: str) -> dict[str, object] | RenderCode:
    try:
        return written(channel, item=item)
    except RenderError as refused:
        return refused.code
