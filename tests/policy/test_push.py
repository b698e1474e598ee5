"""A push fits what Apple's and Google's services carry, and never breaks through a silence."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.channels.message import RenderCode, RenderError
from streamproc.core.channels.push import apns_payload, fcm_message
from streamproc.core.render import render
from tests.policy.messages import FRAME, LOOK, NUDGE_ID, POLICY, REASON, STOP, written

CONTROLS = {
    "why": f"https://shop.example/why/{NUDGE_ID}",
    "mute": f"https://shop.example/mute/{NUDGE_ID}",
    "unsubscribe": STOP,
}
DATA = {"nudge_id": NUDGE_ID, "action": "/seen", "reason": REASON, **CONTROLS}


def test_a_push_has_its_words_its_reason_and_its_links_in_the_data() -> None:
    assert written("push") == {
        "title": "Hi Wool coat",
        "body": "Wool coat is here. You looked at it.",
        "data": DATA,
        "collapse_key": "look",
        "interruption_level": "active",
        "expires_at_ms": 1_772_550_000_000,
        "payload_bytes": {"apns": 419, "fcm": 431},
        "locale": "en",
    }


def test_a_soft_push_makes_no_sound_and_names_nothing() -> None:
    content = written("push", "soften")
    assert (content["title"], content["body"]) == ("Hello", "It is here. You looked at it.")
    assert content["interruption_level"] == "passive"


def test_what_each_service_takes_is_what_its_own_documents_show() -> None:
    content = written("push")
    alert = {"title": "Hi Wool coat", "body": "Wool coat is here. You looked at it."}
    assert apns_payload(content) == {"aps": {"alert": alert, "interruption-level": "active"}, **DATA}
    assert fcm_message(content) == {
        "notification": alert,
        "data": DATA,
        "android": {"collapse_key": "look"},
    }


@given(st.text(max_size=120))
def test_the_bytes_are_those_of_json_in_utf_8(item: str) -> None:
    try:
        content: Any = written("push", item=item)
    except RenderError:
        return
    for name, payload in (("apns", apns_payload(content)), ("fcm", fcm_message(content))):
        text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
        assert content["payload_bytes"][name] == len(text.encode()) <= 4_096
    assert all(isinstance(value, str) for value in content["data"].values())


@pytest.mark.parametrize("spare", [0, 1])
def test_a_byte_more_than_4096_is_refused(spare: int) -> None:
    def frame(chars: int) -> dict[str, str]:
        return {**CONTROLS, "why": "https://shop.example/" + "x" * chars}

    push = POLICY.channels["push"]
    size: Any = render(LOOK, push, "soften", {}, replace(FRAME, controls=frame(0)))["payload_bytes"]
    whole = replace(FRAME, controls=frame(4_096 - max(size.values()) + spare))
    if spare:
        with pytest.raises(RenderError) as refused:
            render(LOOK, push, "soften", {}, whole)
        assert (refused.value.code, refused.value.detail) == (RenderCode.TOO_LONG, "4097 of 4096 bytes")
    else:
        assert render(LOOK, push, "soften", {}, whole)["payload_bytes"] != size


def test_a_title_or_body_that_is_too_long_is_refused_and_never_cut() -> None:
    def body(words: str) -> object:
        say = replace(
            LOOK.content["en"]["push"].say, renders={"title": lambda _: "Hi", "body": lambda _: words}
        )
        copy = replace(LOOK.content["en"]["push"], say=say)
        campaign = replace(LOOK, content={"en": {"push": copy}})
        return render(campaign, POLICY.channels["push"], "send", {"item": "x"}, FRAME)["body"]

    assert body("x" * 240) == "x" * 240
    with pytest.raises(RenderError, match="too_long: 241 of 240 characters"):
        body("x" * 241)
