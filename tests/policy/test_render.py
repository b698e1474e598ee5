"""What each channel says, and what never gets into it."""

from __future__ import annotations

import html
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.channels.message import Frame, RenderCode, RenderError
from streamproc.core.policy.model import Channel
from streamproc.core.policy.reasons import Reasons
from streamproc.core.render import (
    content_locale,
    control_links,
    frame_of,
    render,
)
from streamproc.core.values import clean
from tests.policy.messages import FRAME, LOOK, NUDGE_ID, POLICY, policy_with, written
from tests.policy.samples import GERMAN_REASONS, REASONS


def test_a_value_is_never_read_as_a_template() -> None:
    assert written("web", item="{{ 7 * 7 }}{% raw %}")["body"] == "{{ 7 * 7 }}{% raw %} You looked at it."


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


def test_the_reason_names_every_code_in_one_language_or_is_not_said() -> None:
    english = {"viewed": "You looked at it.", "cart": "You put it in your basket."}
    reasons = Reasons({"en": english, "de": {"viewed": "Sie haben es angesehen."}})
    assert reasons.sentence_of("en-GB", ["viewed", "cart"]) == "You looked at it. You put it in your basket."
    assert reasons.sentence_of("de-AT", ["viewed"]) == "Sie haben es angesehen."
    assert reasons.sentence_of("de", ["viewed", "cart"]) == reasons.sentence_of("fr", ["viewed"]) == ""


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


@pytest.mark.parametrize("channel", ["in_app", "web"])
def test_what_an_item_is_called_never_becomes_markup_on_a_page(channel: str) -> None:
    content = written(channel, item='<b onclick="x">A & B</b>')
    assert str(content["body"]).startswith('<b onclick="x">A & B</b>')
    assert str(content["body_html"]).startswith("&lt;b onclick=&quot;x&quot;&gt;A &amp; B&lt;/b&gt;")


@pytest.mark.parametrize("channel", ["in_app", "web"])
@given(item=st.text(min_size=1))
def test_escaped_copy_holds_no_bracket_and_reads_as_the_plain_one(channel: str, item: str) -> None:
    try:
        content = written(channel, item=item)
    except RenderError:
        return
    for field in ("title", "body"):
        escaped = str(content[f"{field}_html"])
        assert not set("<>\"'") & set(escaped)
        assert html.unescape(escaped) == content[field]


@given(st.text(min_size=1), st.sampled_from(["push", "email", "sms", "in_app", "web", "in_store"]))
def test_any_value_gives_a_message_or_a_closed_code(item: str, channel: str) -> None:
    content = written_or_code(channel, item)
    if isinstance(content, dict):
        assert "\r" not in repr(content)
        assert "\n" not in "".join(str(content.get(field, "")) for field in ("subject", "title", "body"))
    elif channel == "sms":
        # One character outside of GSM-7 makes a name of sixty cost more segments than are paid for.
        assert content in (RenderCode.FACT_MISSING, RenderCode.TOO_LONG)
    else:
        assert content is RenderCode.FACT_MISSING


def written_or_code(channel: str, item: str) -> dict[str, object] | RenderCode:
    try:
        return written(channel, item=item)
    except RenderError as refused:
        return refused.code
