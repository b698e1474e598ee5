"""What a campaign says: its `content`, checked and compiled, and `reasons.yaml`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Final

from jinja2 import StrictUndefined, TemplateError, nodes
from jinja2.sandbox import SandboxedEnvironment

from streamproc.core.facts_paths import (
    SOFT_SPECIFICITY_MAX,
    SPECIFICITIES,
    TRAIT_PREFIX,
    FactPath,
)
from streamproc.core.policy.channels import CONTROLS, LOCALE
from streamproc.core.policy.document import Node
from streamproc.core.policy.fields import Fields
from streamproc.core.policy.kinds import CODES
from streamproc.core.policy.model import Copy, Text
from streamproc.core.policy.problems import Findings, listed, nearest
from streamproc.core.policy.shape import ByName, Key, Shape
from streamproc.core.policy.shape import Text as TextValue

# The most characters of each field as written, about what the medium shows; facts add to it when it is rendered.
CHARS_MAX: Final[dict[str, dict[str, int]]] = {
    "push": {"title": 60, "body": 178},
    "email": {"subject": 120, "text": 4_000, "html": 20_000},
    "sms": {"text": 320},
    "in_app": {"title": 80, "body": 400},
    "web": {"title": 80, "body": 400},
    "in_store": {"text": 200},
}
OPTIONAL: Final = frozenset({"html"})
WITH_ACTION: Final = frozenset({"push", "in_app", "web"})
ACTION_CHARS_MAX: Final = 300
REASON_CHARS_MAX: Final = 120
LABEL_CHARS_MAX: Final = 24
# A long text may have paragraphs, all others are one line.
_LONG: Final = frozenset({"text", "html"})

_FIELDS_SAY: Final = {
    "title": "The line on top.",
    "body": "The message itself.",
    "subject": "The subject of the e-mail.",
    "text": "The message itself, as plain text.",
    "html": "The message as HTML, if you want your own; made from the text unless given.",
}


def _words_shape(channel: str, says: str) -> Shape:
    keys = {
        name: Key(
            f"{_FIELDS_SAY[name]} Plain words and {{{{ name }}}}, where the name stands in facts.",
            TextValue(chars_max, is_long=name in _LONG),
            required=name not in OPTIONAL,
        )
        for name, chars_max in CHARS_MAX[channel].items()
    }
    if channel in WITH_ACTION:
        keys["action"] = Key(
            "Where a tap leads: a path of your shop such as /basket, or an https address.",
            TextValue(ACTION_CHARS_MAX, r"(https://|/(?!/))[^ <>\"\\{}']*"),
        )
    return Shape(says, keys)


def copy_shape(channel: str) -> Shape:
    """Describe the words of one channel."""
    say = _words_shape(channel, "The message as you would like it.")
    soft = _words_shape(channel, "What is sent where that would be too much: it reveals a category at most.")
    return Shape(
        f"What is said on {channel}.",
        {"say": Key(say.says, say, required=True), "soft": Key(soft.says, soft, required=True)},
    )


COPIES: Final = {channel: copy_shape(channel) for channel in CHARS_MAX}
CONTENT: Final = Shape(
    "The words, for each channel of the campaign.",
    {channel: Key(copy.says, copy) for channel, copy in COPIES.items()},
)
TRANSLATION_FILE: Final = Shape(
    "A campaign's words in another language; a channel that is left out speaks the default language.",
    {"content": Key(CONTENT.says, CONTENT, required=True)},
)

_CODES_SAY: Final = {
    "viewed": "they looked at it",
    "cart": "it lies in their basket",
    "wishlist": "it is on their wish list",
    "purchased": "they bought something",
    "declared": "they told you what they like",
    "asked": "they asked to be told",
    "visiting": "they are in a store",
    "opted_in": "they agreed to messages",
}
_LABELS_SAY: Final = {
    "why": "asks why the message came",
    "mute": "pauses such messages",
    "unsubscribe": "opts out of the channel",
}
REASONS: Final = Shape(
    "The sentences of one language.",
    {
        **{
            code: Key(
                f"The sentence for customers who get a message because {_CODES_SAY[code]}.",
                TextValue(REASON_CHARS_MAX),
            )
            for code in CODES
        },
        "labels": Key(
            "What the links of control are called.",
            Shape(
                "What the links of control are called.",
                {
                    name: Key(f"The link that {said}.", TextValue(LABEL_CHARS_MAX), required=True)
                    for name, said in _LABELS_SAY.items()
                },
            ),
        ),
    },
)
REASONS_FILE: Final = ByName(
    REASONS, LOCALE.pattern, says="The sentence that tells a customer why a message came, in each language."
)

Renderer = Callable[[Mapping[str, str]], str]


class Forbidden(ValueError):
    """Say that a template does more than put facts into a text."""


# Jinja reads the templates, in its sandbox, but never runs them: what is left after the check below are texts and
# names, and joining those needs no generated code.
_JINJA: Final = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False, cache_size=0)


_NO_STATEMENT: Final = "only {{ name }} is allowed, no statement ({% ... %})"


def compile_template(text: str, *, html: bool = False) -> tuple[Renderer, frozenset[str]]:
    """Compile a template to a function of the facts' values, and name the facts it uses.

    Only `{{ name }}` is allowed: no statement, filter, attribute, call or literal. In `html`, values are escaped.
    The function raises KeyError for a missing value.

    Raises Forbidden with the reason otherwise.
    """
    try:
        tree = _JINJA.parse(text)
    except TemplateError as error:
        if "{%" in text:
            raise Forbidden(_NO_STATEMENT) from error
        raise Forbidden(f"not a template: {error.message}") from error
    parts: list[tuple[bool, str]] = []
    for output in tree.body:
        if not isinstance(output, nodes.Output):
            raise Forbidden(_NO_STATEMENT)
        for part in output.nodes:
            if isinstance(part, nodes.Name):
                parts.append((True, part.name))
            elif isinstance(part, nodes.TemplateData):
                parts.append((False, part.data))
            else:
                raise Forbidden("only {{ name }} is allowed: no filter, attribute, call or literal")
    return _joining(parts, html=html), frozenset(name for is_fact, name in parts if is_fact)


def _joining(parts: list[tuple[bool, str]], *, html: bool) -> Renderer:
    if not any(is_fact for is_fact, _ in parts):
        whole = "".join(text for _, text in parts)
        return lambda _values: whole
    safe = escape if html else str
    return lambda values: "".join([safe(values[text]) if is_fact else text for is_fact, text in parts])


@dataclass(frozen=True)
class Wording:
    """What the words of one campaign may use, and where they must be complete."""

    channels: tuple[str, ...]
    facts: Mapping[str, FactPath]
    is_default: bool  # whether this is the default locale, where every channel must have its words


def read_content(fields: Fields, wording: Wording) -> dict[str, Copy]:
    """Read a `content` tree: the copy of each channel, as written and softened."""
    content: dict[str, Copy] = {}
    fields.only(wording.channels or tuple(CHARS_MAX))
    if wording.is_default:
        for channel in wording.channels:
            if channel not in fields and fields.node.kind == "mapping":
                fields.at(channel, "has no words, but the campaign lists this channel")
    for channel in fields.keys:
        if channel not in CHARS_MAX or (copy := fields.mapping(channel, COPIES[channel])) is None:
            continue
        say, soft = copy.mapping("say"), copy.mapping("soft")
        if say is not None and soft is not None:
            content[channel] = Copy(_text(say, channel, wording), _text(soft, channel, wording, is_soft=True))
    return content


def _text(fields: Fields, channel: str, wording: Wording, *, is_soft: bool = False) -> Text:
    limits = CHARS_MAX[channel]
    renders: dict[str, Renderer] = {}
    uses: set[str] = set()
    for name, chars_max in limits.items():
        node = fields.keys.get(name)
        if node is None or (text := _written(fields, node, name, chars_max)) is None:
            continue
        try:
            renders[name], used = compile_template(text, html=name == "html")
        except Forbidden as error:
            fields.error(node, str(error))
            continue
        _check_uses(fields, node, used, channel, wording, is_soft=is_soft)
        uses |= used
    action = fields.text("action") if channel in WITH_ACTION else None
    if action is not None and not is_action(action):
        fields.at("action", f"{action!r} is neither a path such as /basket nor an https address")
    return Text(renders, frozenset(uses), action)


def _written(fields: Fields, node: Node, name: str, chars_max: int) -> str | None:
    text = node.raw.strip()
    if node.kind not in ("text", "number") or not text:
        fields.error(node, f"{node} is not a text")
        return None
    if len(text) > chars_max:
        fields.error(node, f"has {len(text)} characters, {chars_max} are allowed")
        return None
    allowed = text.replace("\n", "") if name in _LONG else text
    if not allowed.isprintable():
        fields.error(node, "contains control characters or line breaks")
        return None
    return text


def _check_uses(
    fields: Fields, node: Node, used: frozenset[str], channel: str, wording: Wording, *, is_soft: bool
) -> None:
    facts = wording.facts
    for name in sorted(used):
        fact = facts.get(name)
        if fact is None:
            known = listed(facts) or "none"
            fields.error(
                node, f"{{{{ {name} }}}} is not declared in facts; declared are {known}{nearest(name, facts)}"
            )
        elif is_soft and SPECIFICITIES.index(fact.specificity) > SOFT_SPECIFICITY_MAX:
            message = f"soft words may reveal a category at most, {{{{ {name} }}}} ({fact.path}) reveals"
            fields.error(node, f"{message} {_article(fact.specificity)}")
        elif channel == "in_store" and fact.path.startswith(TRAIT_PREFIX):
            fields.error(
                node,
                f"in_store may be overheard or overlooked: {{{{ {name} }}}} ({fact.path}) is not allowed",
            )


def _article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def is_action(text: str) -> bool:
    """Tell whether a text is a path of the shop's own or an https address; no template and no other scheme."""
    if any(char in text for char in ' <>"\\{}') or "'" in text:
        return False
    return text.startswith("https://") or (text.startswith("/") and not text.startswith("//"))


@dataclass(frozen=True)
class Reasons:
    """What `reasons.yaml` says: by locale, a sentence for each code, and what the links of control are called."""

    sentences: dict[str, dict[str, str]] = field(default_factory=dict)
    labels: dict[str, dict[str, str]] = field(default_factory=dict)


def read_reasons(node: Node, findings: Findings, locale: str) -> Reasons:
    """Read `reasons.yaml`; the default locale has all sentences and labels."""
    fields = Fields(node, findings)
    fields.require(locale)
    reasons = Reasons()
    for name in fields.keys:
        if not LOCALE.fullmatch(name):
            fields.at(name, "is not a locale such as en or de-CH")
            continue
        if (sentences := fields.mapping(name, REASONS)) is None:
            continue
        if name == locale:
            sentences.require(*CODES, "labels")
        elif missing := [code for code in CODES if code not in sentences]:
            line = fields.node.line_of(name)
            findings.warn(
                node.file, line, f"{name}: has no {listed(missing)}; the sentences of {locale} stand in"
            )
        read = {code: sentences.text(code) for code in sentences.keys if code in CODES}
        reasons.sentences[name] = {code: sentence for code, sentence in read.items() if sentence}
        if (labels := sentences.mapping("labels")) is not None:
            found = {control: labels.text(control) for control in CONTROLS}
            reasons.labels[name] = {control: label for control, label in found.items() if label}
    return reasons
