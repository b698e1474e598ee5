"""A campaign's words and a customer's facts to the `content` of a nudge, for each of the six channels."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from streamproc.core.channels.email import write_email
from streamproc.core.channels.in_store import write_in_store
from streamproc.core.channels.message import CONTROLS, Frame, Message, RenderCode, RenderError
from streamproc.core.channels.push import write_push
from streamproc.core.channels.screen import write_screen
from streamproc.core.channels.sms import write_sms
from streamproc.core.policy.model import Campaign, Channel, Copy, Policy, Text

SOFTEN: Final = "soften"

VALUE_CHARS_MAX: Final = 80

# What the links are called where a policy has no labels of its own.
LABELS: Final = {"why": "Why?", "mute": "Pause", "unsubscribe": "Unsubscribe"}
_PLACEHOLDER: Final = "{nudge_id}"
# Unicode's categories of what prints nothing: control, format, half of a character, private, unassigned ...
_HIDDEN: Final = ("Cc", "Cf", "Cs", "Co", "Cn")
# ... except the joiners (ZWNJ, ZWJ), which spell words in some scripts, and emoji.
_JOINERS: Final = "\u200c\u200d"
_WRITERS: Final[Mapping[str, Callable[[Message], dict[str, object]]]] = {
    "push": write_push,
    "email": write_email,
    "sms": write_sms,
    "in_app": write_screen,
    "web": write_screen,
    "in_store": write_in_store,
}


def frame_of(
    policy: Policy, campaign: Campaign, channel: Channel, locale: str, nudge_id: str, now_ms: int
) -> Frame:
    """Gather what stands around the words, in the language that the campaign speaks to a customer of this locale."""
    spoken = content_locale(campaign, channel.name, locale or policy.locale)
    return Frame(
        locale=spoken,
        reason=reason_sentence(policy, campaign.because, spoken),
        controls=control_links(policy, nudge_id),
        nudge_id=nudge_id,
        expires_at_ms=now_ms + min(channel.expires_ms, campaign.expires_ms or channel.expires_ms),
    )


def render(
    campaign: Campaign, channel: Channel, rung: str, values: Mapping[str, str], frame: Frame
) -> dict[str, object]:
    """Write the `content` of a nudge.

    `values` are the facts by name; control characters and line breaks are taken out of them, and long ones are cut.

    Raises RenderError: then there is nothing true, whole and short enough to say.
    """
    text = _words(campaign, channel.name, rung, frame.locale)
    if not frame.reason.strip():
        raise RenderError(RenderCode.REASON_MISSING)
    missing = [name for name in CONTROLS if not frame.controls.get(name)]
    if missing:
        raise RenderError(RenderCode.CONTROL_MISSING, ", ".join(missing))
    message = Message(
        fields=_filled(text, values),
        action=text.action or "",
        campaign=campaign.id,
        channel=channel,
        is_soft=rung == SOFTEN,
        labels={**LABELS, **campaign.labels.get(frame.locale, {})},
        frame=frame,
    )
    return _WRITERS[channel.name](message)


def content_locale(campaign: Campaign, channel: str, locale: str) -> str:
    """Choose the locale that a campaign speaks on a channel: the one asked for, its language, or the default.

    The reason must be asked for in this locale, so that a message is in one language.
    """
    for wanted in _fallbacks(locale):
        if channel in campaign.content.get(wanted, {}):
            return wanted
    return next(iter(campaign.content), "")


def reason_sentence(policy: Policy, codes: Sequence[str], locale: str) -> str:
    """Say in plain words why a message comes: the sentence of each code, in the locale, its language or the default."""
    sentences = []
    for code in codes:
        tables = [policy.reasons.get(wanted, {}) for wanted in (*_fallbacks(locale), policy.locale)]
        sentences.append(next((table[code] for table in tables if code in table), ""))
    return " ".join(sentence for sentence in sentences if sentence)


def control_links(policy: Policy, nudge_id: str) -> dict[str, str]:
    """Return the links of control of one nudge, by name."""
    return {name: _link(link, nudge_id) for name, link in policy.controls.items()}


def _link(link: str, nudge_id: str) -> str:
    return link.replace(_PLACEHOLDER, nudge_id)


def clean(value: str) -> str:
    """Make a value safe for any field: one line, no control, format or half characters, at most `VALUE_CHARS_MAX`.

    Line breaks would forge headers, and direction marks would make a text read as another.
    """
    if value.isprintable():
        return " ".join(value.split())
    kept = "".join(" " if _breaks(char) else char for char in value if not _is_hidden(char))
    return " ".join(kept.split()) if kept.strip(_JOINERS) else ""


def _breaks(char: str) -> bool:
    return unicodedata.category(char) in ("Zl", "Zp") or char in "\t\n\v\f\r\x1c\x1d\x1e\x85"


def _is_hidden(char: str) -> bool:
    return not _breaks(char) and char not in _JOINERS and unicodedata.category(char) in _HIDDEN


def _fallbacks(locale: str) -> tuple[str, ...]:
    exact = locale.replace("_", "-")
    language = exact.partition("-")[0]
    return (exact, language) if exact != language else (exact,)


def _words(campaign: Campaign, channel: str, rung: str, locale: str) -> Text:
    copy: Copy | None = campaign.content.get(locale, {}).get(channel)
    if copy is None or channel not in _WRITERS:
        raise RenderError(RenderCode.NO_WORDS, f"{campaign.id} on {channel}")
    return copy.soft if rung == SOFTEN else copy.say


def _filled(text: Text, values: Mapping[str, str]) -> dict[str, str]:
    """Put the facts into the fields of a text."""
    safe: dict[str, str] = {}
    for name in text.uses:
        value = clean(values.get(name, ""))
        if not value:
            raise RenderError(RenderCode.FACT_MISSING, name)
        safe[name] = value if len(value) <= VALUE_CHARS_MAX else value[: VALUE_CHARS_MAX - 1].rstrip() + "…"
    fields = {name: fill(safe).strip() for name, fill in text.renders.items()}
    for name, filled in fields.items():
        if not filled:
            raise RenderError(RenderCode.EMPTY, name)
    return fields
