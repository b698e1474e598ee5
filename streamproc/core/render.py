"""A campaign's words and a customer's facts to the `content` of a nudge, for each of the six channels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
        reason=reason_sentence(policy, campaign.because, spoken),
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
    known = {name: _known(name, values.get(name), frame.locale) for name in text.uses}
    message = Message(
        fields=_filled(text, known),
        action=_led(text, known),
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

    The reason must be asked for in this locale, so that a message is in one language.
    """
    for wanted in fallbacks(locale):
        if channel in campaign.content.get(wanted, {}):
            return wanted
    return next(iter(campaign.content), "")


def reason_sentence(policy: Policy, codes: Sequence[str], locale: str) -> str:
    """Say in plain words why a message comes, a sentence for each code, all of them in one language.

    It is the language of the locale, or the default one where that lacks a sentence.
    """
    for chain in (fallbacks(locale), fallbacks(policy.locale)):
        tables = [policy.reasons[one] for one in chain if one in policy.reasons]
        sentences = [next((table[code] for table in tables if code in table), "") for code in codes]
        if all(sentences):
            return " ".join(sentences)
    return ""


def control_links(policy: Policy, nudge_id: str) -> dict[str, str]:
    """Return the links of control of one nudge, by name."""
    return {name: _link(link, nudge_id) for name, link in policy.controls.items()}


def _link(link: str, nudge_id: str) -> str:
    return link.replace(_PLACEHOLDER, nudge_id)


def _words(campaign: Campaign, channel: str, rung: str, locale: str) -> Text:
    copy: Copy | None = campaign.content.get(locale, {}).get(channel)
    if copy is None or channel not in _WRITERS:
        raise RenderError(RenderCode.NO_WORDS, f"{campaign.id} on {channel}")
    return copy.soft if rung == SOFTEN else copy.say


def _known(name: str, value: FactValue | None, locale: str) -> FactValue:
    """Return a fact as this language says it. Raises RenderError where it is not known, or nothing to be seen."""
    if isinstance(value, Term):
        value = next((value.names[one] for one in fallbacks(locale) if one in value.names), None)
    if value is None or (isinstance(value, str) and not clean(value)):
        raise RenderError(RenderCode.FACT_MISSING, name)
    return value


def _filled(text: Text, known: Mapping[str, FactValue]) -> dict[str, str]:
    """Put the facts into the fields of a text."""
    safe = {name: _tidy(name, value) for name, value in known.items()}
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


def _tidy(name: str, value: FactValue) -> FactValue:
    if not isinstance(value, str):
        return value
    if not (tidy := shortened(clean(value), VALUE_CHARS_MAX)):
        raise RenderError(RenderCode.FACT_MISSING, name)
    return tidy


def _led(text: Text, known: Mapping[str, FactValue]) -> str:
    """Say where a tap leads; empty where to nowhere. A link takes values as they are: a cut one would lead astray."""
    if text.action is None:
        return ""
    try:
        return text.action(known)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise RenderError(RenderCode.LINK_REFUSED) from error
