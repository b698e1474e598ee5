"""A campaign's words and a customer's facts to the `content` of a nudge, for each of the six channels."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from streamproc.core.gsm import measure
from streamproc.core.policy.model import Campaign, Copy, Policy, Text

SOFTEN: Final = "soften"

VALUE_CHARS_MAX: Final = 80
# What the rendered fields may hold: a title that a phone shows, four lines of a lock screen, three paid segments.
TITLE_CHARS_MAX: Final = 120
PUSH_BODY_CHARS_MAX: Final = 240
INBOX_BODY_CHARS_MAX: Final = 600
IN_STORE_CHARS_MAX: Final = 300
EMAIL_CHARS_MAX: Final = 30_000
SMS_SEGMENTS_MAX: Final = 3
COLLAPSE_KEY_CHARS_MAX: Final = 64  # what APNs takes

CONTROLS: Final = ("why", "mute", "unsubscribe")
# What the links are called where a policy has no labels of its own.
LABELS: Final = {"why": "Why?", "mute": "Pause", "unsubscribe": "Unsubscribe"}
_PLACEHOLDER: Final = "{nudge_id}"
# Unicode's categories of what prints nothing: control, format, half of a character, private, unassigned ...
_HIDDEN: Final = ("Cc", "Cf", "Cs", "Co", "Cn")
# ... except the joiners (ZWNJ, ZWJ), which spell words in some scripts, and emoji.
_JOINERS: Final = "\u200c\u200d"


class RenderCode(StrEnum):
    """Why a message cannot be written: a closed list."""

    NO_WORDS = "no_words"
    FACT_MISSING = "fact_missing"
    REASON_MISSING = "reason_missing"
    CONTROL_MISSING = "control_missing"
    EMPTY = "empty"
    TOO_LONG = "too_long"


class RenderError(ValueError):
    """Say that a message cannot be written; nothing must be sent. `detail` holds no customer's text."""

    def __init__(self, code: RenderCode, detail: str = "") -> None:
        self.code: Final = code
        self.detail: Final = detail
        super().__init__(f"{code}: {detail}" if detail else str(code))


@dataclass(frozen=True)
class _Message:
    """All that a channel's writer needs: its filled fields, and what belongs to every message."""

    fields: Mapping[str, str]
    action: str
    campaign: str
    is_soft: bool
    controls: Mapping[str, str]
    labels: Mapping[str, str]
    reason: str
    nudge_id: str

    def with_reason(self, text: str, chars_max: int) -> str:
        """Add the reason where there is room for it; soft words always carry it, or are not sent."""
        whole = f"{text} {self.reason}"
        if self.is_soft or len(whole) <= chars_max:
            return _fitting(whole, chars_max)
        return _fitting(text, chars_max)


def render(
    campaign: Campaign,
    channel: str,
    rung: str,
    values: Mapping[str, str],
    controls: Mapping[str, str],
    reason: str,
    locale: str,
    nudge_id: str,
) -> dict[str, object]:
    """Write the `content` of a nudge.

    `values` are the facts by name; control characters and line breaks are taken out of them, and long ones are cut.
    `controls` are the policy's links of control, `reason` is the sentence of `reason_sentence` in the locale of
    `content_locale`, so that a message is in one language.

    Raises RenderError: then there is nothing true, whole and short enough to say.
    """
    spoken = content_locale(campaign, channel, locale)
    text = _words(campaign, channel, rung, spoken)
    if not reason.strip():
        raise RenderError(RenderCode.REASON_MISSING)
    missing = [name for name in CONTROLS if not controls.get(name)]
    if missing:
        raise RenderError(RenderCode.CONTROL_MISSING, ", ".join(missing))
    message = _Message(
        fields=_filled(text, values),
        action=text.action or "",
        campaign=campaign.id,
        is_soft=rung == SOFTEN,
        controls={name: _link(controls[name], nudge_id) for name in CONTROLS},
        labels={**LABELS, **campaign.labels.get(spoken, {})},
        reason=clean(reason),
        nudge_id=nudge_id,
    )
    return _WRITERS[channel](message)


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


def _fitting(text: str, chars_max: int) -> str:
    if len(text) > chars_max:
        raise RenderError(RenderCode.TOO_LONG, f"{len(text)} of {chars_max} characters")
    return text


def _push(message: _Message) -> dict[str, object]:
    """Write a push. It cannot show links, so they travel in its data, where the app makes buttons of them."""
    return {
        "title": _fitting(message.fields["title"], TITLE_CHARS_MAX),
        "body": message.with_reason(message.fields["body"], PUSH_BODY_CHARS_MAX),
        "data": {
            "nudge_id": message.nudge_id,
            "action": message.action,
            "reason": message.reason,
            **message.controls,
        },
        "collapse_key": message.campaign[:COLLAPSE_KEY_CHARS_MAX],
        "interruption_level": "passive" if message.is_soft else "active",
    }


def _email(message: _Message) -> dict[str, object]:
    fields, controls = message.fields, message.controls
    links = "\n".join(f"{message.labels[name]} {controls[name]}" for name in CONTROLS)
    text = f"{fields['text']}\n\n{message.reason}\n{links}\n"
    inner = fields.get("html") or "".join(
        f"<p>{html.escape(part)}</p>" for part in fields["text"].split("\n\n")
    )
    anchors = " ".join(
        f'<a href="{html.escape(controls[name])}">{html.escape(message.labels[name])}</a>'
        for name in CONTROLS
    )
    return {
        "subject": _fitting(fields["subject"], 2 * TITLE_CHARS_MAX),
        "text": _fitting(text, EMAIL_CHARS_MAX),
        "html": _fitting(f"{inner}<p>{html.escape(message.reason)} {anchors}</p>", EMAIL_CHARS_MAX),
        # RFC 8058: the mail program itself can unsubscribe, in one step.
        "headers": {
            "List-Unsubscribe": f"<{controls['unsubscribe']}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    }


def _sms(message: _Message) -> dict[str, object]:
    """Write a short message: always with how to stop it, and with the reason while that fits what we pay."""
    text = message.fields["text"]
    stop = f"{message.labels['unsubscribe']}: {message.controls['unsubscribe']}"
    whole, short = f"{text} {message.reason} {stop}", f"{text} {stop}"
    fits = message.is_soft or measure(whole).segments <= SMS_SEGMENTS_MAX
    chosen = whole if fits else short
    size = measure(chosen)
    if size.segments > SMS_SEGMENTS_MAX:
        raise RenderError(RenderCode.TOO_LONG, f"{size.segments} of {SMS_SEGMENTS_MAX} segments")
    return {"text": chosen, "segments": size.segments, "encoding": size.encoding}


def _inbox(message: _Message) -> dict[str, object]:
    return {
        "title": _fitting(message.fields["title"], TITLE_CHARS_MAX),
        "body": message.with_reason(message.fields["body"], INBOX_BODY_CHARS_MAX),
        "action_url": message.action,
    }


def _in_store(message: _Message) -> dict[str, object]:
    return {"text": message.with_reason(message.fields["text"], IN_STORE_CHARS_MAX)}


_WRITERS: Final[dict[str, Callable[[_Message], dict[str, object]]]] = {
    "push": _push,
    "email": _email,
    "sms": _sms,
    "in_app": _inbox,
    "web": _inbox,
    "in_store": _in_store,
}
