"""A campaign that speaks on all six channels, and what it says."""

from __future__ import annotations

from streamproc.core.channels.message import Frame
from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Campaign, Policy
from streamproc.core.render import control_links, render
from tests.policy.samples import FILES

CONTENT = """\
channels: [sms, in_store, push, email, web, in_app]
content:
  push:
    say: {title: "Hi {{ item }}", body: "{{ item }} is here.", action: /seen}
    soft: {title: Hello, body: It is here.}
  email:
    say: {subject: "{{ item }}", text: "{{ item }} is here.\\n\\nNo rush.", html: "<p><b>{{ item }}</b></p>"}
    soft: {subject: It is here, text: It is here.}
  sms: {say: {text: "{{ item }} is here."}, soft: {text: It is here.}}
  in_app: {say: {title: Hi, body: "{{ item }}", action: /seen}, soft: {title: Hi, body: Here.}}
  web: {say: {title: Hi, body: "{{ item }}", action: /seen}, soft: {title: Hi, body: Here.}}
  in_store: {say: {text: "{{ item }} is on floor two."}, soft: {text: It is on floor two.}}
"""
REASON = "You looked at it."
NUDGE_ID = "0123456789abcdef0123456789abcdef"
STOP = f"https://shop.example/stop/{NUDGE_ID}"


def policy_with(content: str = CONTENT, **more: str) -> Policy:
    """Load the sample with other words; a name such as `translations__de__look` is a file's."""
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
