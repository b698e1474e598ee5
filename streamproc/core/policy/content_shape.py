"""What a `content` tree may hold: the words of each channel, as written and softened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from streamproc.core.policy.shape import Choice, Key, ListOf, Shape, Text

# The most characters of each field as written, about what the medium shows; facts add to it when it is rendered.
CHARS_MAX: Final[dict[str, dict[str, int]]] = {
    "push": {"title": 60, "body": 178},
    "email": {"subject": 120, "preheader": 120, "text": 4_000, "html": 20_000},
    "sms": {"text": 320},
    "in_app": {"title": 80, "body": 400},
    "web": {"title": 80, "body": 400},
    "in_store": {"text": 200},
}
# What stands between the braces is not counted, but has a bound of its own.
BRACES_CHARS_MAX: Final = 2_000
OPTIONAL: Final = frozenset({"html", "preheader"})
WITH_ACTION: Final = frozenset({"push", "in_app", "web"})
ACTION_CHARS_MAX: Final = 300
# A long text may have paragraphs, all others are one line.
LONG: Final = frozenset({"text", "html"})
SHOWS: Final = ("reason", "control")

_FIELDS_SAY: Final = {
    "title": "The line on top.",
    "body": "The message itself.",
    "subject": "The subject of the e-mail.",
    "preheader": "What stands beside the subject in a list of mails; the beginning of the text unless given.",
    "text": "The message itself, as plain text.",
    "html": "The message as HTML, if you want your own; made from the text unless given.",
}


def _words_shape(channel: str, says: str) -> Shape:
    keys = {
        name: Key(
            f"{_FIELDS_SAY[name]} Plain words and {{{{ name }}}}, where the name stands in facts.",
            Text(chars_max, is_long=name in LONG, braces_chars_max=BRACES_CHARS_MAX),
            required=name not in OPTIONAL,
        )
        for name, chars_max in CHARS_MAX[channel].items()
    }
    if channel in WITH_ACTION:
        keys["action"] = Key(
            "Where a tap leads: a path of your shop such as /basket, or an address under actions of channels.yaml.",
            Text(ACTION_CHARS_MAX + BRACES_CHARS_MAX, r"(https://|/(?!/)).*"),
        )
    return Shape(says, keys)


def copy_shape(channel: str) -> Shape:
    """Describe the words of one channel."""
    say = _words_shape(channel, "The message as you would like it.")
    shows = Key(
        "What your app shows with these words of the reason and a control; both unless given. Soft words show both.",
        ListOf(Choice(SHOWS, "something to show"), len(SHOWS)),
        looser="less",
        unsaid="tightest",
    )
    say = replace(say, keys={**say.keys, "shows": shows})
    soft = _words_shape(channel, "What is sent where that would be too much: it reveals a category at most.")
    return Shape(
        f"What is said on {channel}.",
        {
            "say": Key(say.says, say, required=True, label="as written"),
            "soft": Key(soft.says, soft, required=True),
        },
    )


def _optional(shape: Shape) -> Shape:
    """Let a shape miss what it needs: a translation may be incomplete, and the default language stands in."""
    keys = {
        name: replace(
            key, required=False, value=_optional(key.value) if isinstance(key.value, Shape) else key.value
        )
        for name, key in shape.keys.items()
    }
    return replace(shape, keys=keys)


def _content(says: str, copies: Mapping[str, Shape]) -> Shape:
    return Shape(says, {channel: Key(copy.says, copy) for channel, copy in copies.items()})


COPIES: Final = {channel: copy_shape(channel) for channel in CHARS_MAX}
TRANSLATED_COPIES: Final = {channel: _optional(copy) for channel, copy in COPIES.items()}
CONTENT: Final = _content("The words, for each channel of the campaign.", COPIES)
TRANSLATED: Final = _content(
    "The words in this language, for each channel of the campaign.", TRANSLATED_COPIES
)
TRANSLATION_FILE: Final = Shape(
    "A campaign's words in another language; a channel that is left out speaks the default language.",
    {"content": Key(TRANSLATED.says, TRANSLATED, required=True)},
)
