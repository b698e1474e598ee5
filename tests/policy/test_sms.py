"""A short message says how to stop it, and costs no more than the policy pays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamproc.core.channels.message import RenderCode, RenderError
from streamproc.core.policy.loader import load, load_with_warnings
from streamproc.core.policy.problems import PolicyErrors
from streamproc.core.render import frame_of, render
from tests.policy.samples import CAMPAIGN, CHANNELS, FILES, REASONS

NUDGE_ID = "0" * 32
LINK = f"Stop: https://shop.example/stop/{NUDGE_ID}"
ANSWER = REASONS.replace("unsubscribe: Stop}", "unsubscribe: Stop, stop: Reply STOP to end}")


def files(say: str = "{{ item }} is here.", soft: str = "It is here.", **more: str) -> dict[str, str]:
    begin, end = CAMPAIGN.index("content:"), CAMPAIGN.index("examples:")
    words = f'content:\n  sms: {{say: {{text: "{say}"}}, soft: {{text: "{soft}"}}}}\n'
    campaign = CAMPAIGN[:begin].replace("[push, in_app]", "[sms]") + words + CAMPAIGN[end:]
    campaign = campaign.replace("channel: push", "channel: sms")
    return {**FILES, "campaigns/look.yaml": campaign, **{f"{name}.yaml": text for name, text in more.items()}}


def said(given: dict[str, str], item: str = "Coat", rung: str = "send", **own: object) -> dict[str, object]:
    policy = load(given)
    campaign, channel = policy.campaigns["look"], replace(policy.channels["sms"], **own)  # type: ignore[arg-type]
    frame = frame_of(policy, campaign, channel, "en", NUDGE_ID, 0)
    return render(campaign, channel, rung, {"item": item}, frame)


def test_a_short_message_ends_with_the_link_that_stops_it() -> None:
    text = f"Coat is here. You looked at it. {LINK}"
    assert said(files()) == {"text": text, "segments": 1, "encoding": "gsm7", "locale": "en"}


def test_an_answer_stands_in_for_the_link_where_the_policy_words_one() -> None:
    assert said(files(reasons=ANSWER))["text"] == "Coat is here. You looked at it. Reply STOP to end"


@pytest.mark.parametrize("stop", ["Reply to end", "Reply STOPP to end", "Antworten Sie stop"])
def test_an_answer_that_does_not_say_stop_is_refused_at_load(stop: str) -> None:
    with pytest.raises(
        PolicyErrors, match=r"reasons.yaml:10: en.labels.stop: .* does not hold the word STOP"
    ):
        load(files(reasons=ANSWER.replace("Reply STOP to end", stop)))


def test_without_a_way_to_stop_it_nothing_is_sent() -> None:
    policy = load(files())
    campaign = replace(policy.campaigns["look"], labels={"en": {"why": "Why?", "mute": "Pause"}})
    frame = frame_of(policy, campaign, policy.channels["sms"], "en", NUDGE_ID, 0)
    with pytest.raises(RenderError) as refused:
        render(campaign, policy.channels["sms"], "soften", {}, frame)
    assert (refused.value.code, refused.value.detail) == (RenderCode.CONTROL_MISSING, "stop")


def test_the_reason_is_left_out_of_loud_words_before_a_segment_more_is_paid() -> None:
    long = "x" * 200
    assert said(files(say=long))["text"] == f"{long} You looked at it. {LINK}"
    assert said(files(say=long), segments_max=1, rung="soften")["segments"] == 1
    with pytest.raises(RenderError, match="too_long: 2 of 1 segments"):
        said(files(say=long), segments_max=1)
    assert said(files(say="x" * 80), segments_max=1)["text"] == f"{'x' * 80} {LINK}"


def test_a_fact_in_another_script_that_costs_more_than_is_paid_writes_nothing() -> None:
    assert said(files(), item="Пальто")["segments"] == 2
    with pytest.raises(RenderError, match="too_long: 3 of 2 segments"):
        said(files(say="{{ item }} is here, " + "x" * 50), item="Пальто" * 8)


def test_typography_of_words_and_facts_does_not_make_a_message_dearer() -> None:
    content = said(files(say="“{{ item }}” – here…"), item="Levi’s")
    assert (content["text"], content["encoding"]) == (
        f'"Levi\'s" - here... You looked at it. {LINK}',
        "gsm7",
    )


def warnings_of(given: dict[str, str]) -> list[str]:
    return [str(one) for one in load_with_warnings(given)[1]]


def test_soft_words_that_cost_more_than_is_paid_are_refused_and_others_are_a_warning() -> None:
    with pytest.raises(PolicyErrors, match=r"look.yaml:15: content.sms.soft: .* too_long: 3 of 2 segments"):
        load(files(soft="x" * 250))
    (warning,) = warnings_of(files(say="x" * 250))
    assert warning.startswith("campaigns/look.yaml:15: content.sms.say: with its reason and the longest")
    assert warning.endswith("it does not fit, too_long: 3 of 2 segments")


def test_more_than_two_segments_are_the_policys_to_choose_and_a_warning() -> None:
    three = CHANNELS.replace("{form: sms, ", "{form: sms, segments_max: 3, ")
    assert load(files(soft="x" * 250, channels=three)).channels["sms"].segments_max == 3
    assert warnings_of(files(channels=three)) == [
        "channels.yaml:4: channels.sms.segments_max: each of 3 segments is paid for; 2 are usual"
    ]


def test_a_stray_character_that_halves_the_room_is_pointed_out() -> None:
    (warning, _) = warnings_of(files(say="Voilà, ça: {{ item }}"))
    assert warning.startswith("campaigns/look.yaml:15: content.sms.say: outside of GSM-7 is ç, which leaves")
    assert warning.endswith("70 characters a segment instead of 160")
    assert warnings_of(files(say="Ваше пальто здесь")) == []
