"""A campaign's words and a customer's facts to the `content` of a nudge, for each of the six channels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from streamproc.core.channels.email import write_email
from streamproc.core.channels.in_store import write_in_store
from streamproc.core.channels.message import CONTROLS, Frame, Message, RenderCode, RenderError
from streamproc.core.channels.push import write_push
from streamproc.core.channels.screen import write_screen
from streamproc.core.channels.sms import write_sms
from streamproc.core.locales import fallbacks, speech
from streamproc.core.policy.model import Campaign, Channel, Copy, Policy, Text
from streamproc.core.values import VALUE_CHARS_MAX, FactValue, Term, clean, shortened

SOFTEN: Final = "soften"

_PLACEHOLDER: Final = "{nudge_id}"
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
        reason=campaign.reasons.get(spoken, ""),
        controls=control_links(policy, nudge_id),
        nudge_id=nudge_id,
        expires_at_ms=now_ms + min(channel.expires_ms, campaign.expires_ms or channel.expires_ms),
    )


def render(
    campaign: Campaign, channel: Channel, rung: str, values: Mapping[str, FactValue], frame: Frame
) -> dict[str, object]:
    """Write the `content` of a nudge.

    `values` are the facts by name. Of texts among them control characters and line breaks are taken out, and long ones
    are cut, between what people see as characters.

    Raises RenderError: then there is nothing true, whole and short enough to say.
    """
    text = _words(campaign, channel.name, rung, frame.locale)
    if not frame.reason.strip():
        raise RenderError(RenderCode.REASON_MISSING)
    missing = [name for name in CONTROLS if not frame.controls.get(name)]
    if missing:
        raise RenderError(RenderCode.CONTROL_MISSING, ", ".join(missing))
    safe, raw = _facts(text, values, frame.locale)
    message = Message(
        fields=_filled(text, safe),
        action=_led(text, raw),
        campaign=campaign.id,
        channel=channel,
        is_soft=rung == SOFTEN,
        labels=campaign.labels[frame.locale],
        frame=frame,
        direction=speech(frame.locale).direction,
    )
    return {**_WRITERS[channel.name](message), "locale": frame.locale}


def content_locale(campaign: Campaign, channel: str, locale: str) -> str:
    """Choose the locale that a campaign speaks on a channel: the one asked for, its language, or the default.

    It is one in which the reason and the labels can be said too (`policy.translations`).
    """
    for wanted in fallbacks(locale):
        if channel in campaign.content.get(wanted, {}):
            return wanted
    return next(iter(campaign.content), "")


def control_links(policy: Policy, nudge_id: str) -> dict[str, str]:
    """Return the links of control of one nudge, by name."""
    return {name: link.replace(_PLACEHOLDER, nudge_id) for name, link in policy.controls.items()}


def _words(campaign: Campaign, channel: str, rung: str, locale: str) -> Text:
    copy: Copy | None = campaign.content.get(locale, {}).get(channel)
    if copy is None or channel not in _WRITERS:
        raise RenderError(RenderCode.NO_WORDS, f"{campaign.id} on {channel}")
    return copy.soft if rung == SOFTEN else copy.say


def _facts(
    text: Text, values: Mapping[str, FactValue], locale: str
) -> tuple[dict[str, FactValue], dict[str, FactValue]]:
    """Return the facts that a text uses, as this language says them: safe for any field, and as they are, for links.

    Raises RenderError where one is not known, or nothing to be seen.
    """
    safe: dict[str, FactValue] = {}
    raw: dict[str, FactValue] = {}
    for name in text.uses:
        value = values.get(name)
        if isinstance(value, Term):
            value = next((value.names[one] for one in fallbacks(locale) if one in value.names), None)
        tidy = shortened(clean(value), VALUE_CHARS_MAX) if isinstance(value, str) else value
        if value is None or tidy is None or tidy == "":
            raise RenderError(RenderCode.FACT_MISSING, name)
        safe[name], raw[name] = tidy, value
    return safe, raw


def _filled(text: Text, safe: Mapping[str, FactValue]) -> dict[str, str]:
    """Put the facts into the fields of a text."""
    fields: dict[str, str] = {}
    for name, fill in text.renders.items():
        try:
            fields[name] = fill(safe).strip()
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            # A trait that is no number where a plural counts, a currency that nobody knows. What the error says of the
            # customer's value stays with it.
            raise RenderError(RenderCode.TEMPLATE_FAILED, name) from error
        if not fields[name]:
            raise RenderError(RenderCode.EMPTY, name)
    return fields


def _led(text: Text, raw: Mapping[str, FactValue]) -> str:
    """Say where a tap leads; empty where to nowhere. A link takes values as they are: a cut one would lead astray."""
    if text.action is None:
        return ""
    try:
        return text.action(raw)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise RenderError(RenderCode.LINK_REFUSED) from error
