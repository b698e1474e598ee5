"""Whether every message of a policy fits its medium: each is written once, with the longest facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

from streamproc.core.channels.message import RenderError
from streamproc.core.gsm import GSM7_SINGLE, UCS2_SINGLE, outside, plain
from streamproc.core.policy.model import Campaign, Policy, Text
from streamproc.core.policy.problems import Findings
from streamproc.core.render import SOFTEN, frame_of, render
from streamproc.core.values import VALUE_CHARS_MAX, FactValue, Kind, Money

NUDGE_ID_CHARS: Final = 32
# The longest that a fact of each kind is likely to be.
SAMPLES: Final[Mapping[Kind, FactValue]] = {
    "text": "x" * VALUE_CHARS_MAX,
    "any": "x" * VALUE_CHARS_MAX,
    "number": 9_999_999,
    "money": Money(999_999_999, "EUR"),
    "date": date(2026, 9, 30),
}
RUNGS: Final = ("send", SOFTEN)
# A text in another script has many characters outside GSM-7, and cannot do without; of these few it could.
STRAY_CHARS_MAX: Final = 3


def check_words(policy: Policy, campaign: Campaign, line: int, findings: Findings) -> None:
    """Report the messages that do not fit; `line` is that of the campaign's content.

    Soft words that do not fit are an error: nothing could be said in their place. Others are softened, so that is a
    warning.
    """
    for locale, name, rung in _messages(campaign):
        channel, copy = policy.channels[name], campaign.content[locale][name]
        text = copy.soft if rung == SOFTEN else copy.say
        is_default = locale == policy.locale
        file = campaign.file if is_default else f"translations/{locale}/{campaign.id}.yaml"
        place = f"content.{name}.{'soft' if rung == SOFTEN else 'say'}"
        at = line if is_default else 1
        values = {fact: SAMPLES[kind] for fact, kind in text.uses.items()}
        frame = frame_of(policy, campaign, channel, locale, "0" * NUDGE_ID_CHARS, 0)
        try:
            render(campaign, channel, rung, values, frame)
        except RenderError as error:
            report = findings.error if rung == SOFTEN else findings.warn
            report(file, at, f"{place}: with its reason and the longest facts it does not fit, {error}")
        if name == "sms" and (strays := _strays(text, values, frame.reason)):
            room = f"{UCS2_SINGLE} characters a segment instead of {GSM7_SINGLE}"
            findings.warn(file, at, f"{place}: outside of GSM-7 is {strays}, which leaves {room}")


def _strays(text: Text, values: Mapping[str, FactValue], reason: str) -> str:
    """Name the few characters that alone make a short message dearer; none where its script needs them."""
    if "text" not in text.renders:
        return ""
    strays = outside(plain(f"{text.renders['text'](values)} {reason}"))
    return " ".join(sorted(strays)) if len(strays) <= STRAY_CHARS_MAX else ""


def _messages(campaign: Campaign) -> Iterator[tuple[str, str, str]]:
    for locale, content in campaign.content.items():
        for channel in content:
            for rung in RUNGS:
                yield locale, channel, rung
