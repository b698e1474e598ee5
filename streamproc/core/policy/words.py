"""What a campaign says: a `content` tree, checked and compiled in one language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from streamproc.core.channels.in_store import DISPLAY
from streamproc.core.facts_paths import (
    SOFT_SPECIFICITY_MAX,
    SPECIFICITIES,
    TRAIT_PREFIX,
    FactPath,
)
from streamproc.core.links import link_problem
from streamproc.core.locales import Speech
from streamproc.core.policy.channels import Channels
from streamproc.core.policy.content_shape import (
    ACTION_CHARS_MAX,
    BRACES_CHARS_MAX,
    CHARS_MAX,
    COPIES,
    LONG,
    OPTIONAL,
    SHOWS,
    TRANSLATED_COPIES,
    WITH_ACTION,
)
from streamproc.core.policy.discretion import NO_NAMES, Discretion
from streamproc.core.policy.document import Node
from streamproc.core.policy.fields import Fields
from streamproc.core.policy.markup import markup_problem
from streamproc.core.policy.model import Copy, Ground, Leads, Text
from streamproc.core.policy.problems import listed, nearest
from streamproc.core.policy.template import Forbidden, Template, compile_template
from streamproc.core.values import FactValue, Kind

_INSTEAD: Final = "the default words stand in"
_CALLED: Final[Mapping[Kind, str]] = {
    "text": "a text",
    "number": "a number",
    "money": "an amount of money",
    "date": "a date",
    "any": "a trait",
}
# What each of reason and control takes away of opacity.
_SHOWN: Final = 0.5
# What a filter can write.
_WRITES: Final[Mapping[str, Kind]] = {
    "plural": "number",
    "number": "number",
    "money": "money",
    "date": "date",
}


@dataclass(frozen=True)
class Wording:
    """What the words of one campaign may use, in which language, and where they must be complete.

    `original` is what the campaign says in the default language, while a translation of it is read; `discretion` is
    what soft words must not name.
    """

    channels: tuple[str, ...]
    facts: Mapping[str, FactPath]
    speech: Speech
    setup: Channels
    original: Mapping[str, Copy] | None = None
    discretion: Discretion = NO_NAMES

    def lacks(self, fields: Fields, keys: tuple[str, ...], instead: str) -> bool:
        """Tell whether some key is missing, and report it: the default language must be complete."""
        missing = [key for key in keys if key not in fields]
        if fields.node.kind != "mapping" or not missing:
            return False
        if self.original is not None:
            node, place = fields.node, f"{fields.node.path}: " if fields.node.path else ""
            fields.findings.warn(node.file, node.line, f"{place}has no {listed(missing)}; {instead}")
        return True


def read_content(fields: Fields, wording: Wording) -> dict[str, Copy]:
    """Read a `content` tree: the copy of each channel, as written and softened.

    A channel whose translation is not complete is left out, so that a message is in one language.
    """
    content: dict[str, Copy] = {}
    copies = COPIES if wording.original is None else TRANSLATED_COPIES
    fields.only(wording.channels or tuple(CHARS_MAX))
    if wording.original is not None:
        wording.lacks(fields, wording.channels, _INSTEAD)
    elif fields.node.kind == "mapping":
        for channel in wording.channels:
            if channel not in fields:
                fields.at(channel, "has no words, but the campaign lists this channel")
    for channel in fields.keys:
        if channel not in CHARS_MAX or (copy := fields.mapping(channel, copies[channel])) is None:
            continue
        wording.lacks(copy, ("say", "soft"), _INSTEAD)
        say, soft = (
            _Reader(variant, channel, wording, is_soft=name == "soft").text()
            if (variant := copy.mapping(name)) is not None
            else None
            for name in ("say", "soft")
        )
        if say is not None and soft is not None:
            content[channel] = Copy(say, soft)
    return content


class _Reader:
    """Reads one variant of a channel's words."""

    def __init__(self, fields: Fields, channel: str, wording: Wording, *, is_soft: bool) -> None:
        self._fields: Final = fields
        self._channel: Final = channel
        self._wording: Final = wording
        self._is_soft: Final = is_soft
        self._uses: Final[dict[str, Kind]] = {}

    def text(self) -> Text | None:
        """Read the fields; None where one that must be there is missing."""
        fields, limits = self._fields, CHARS_MAX[self._channel]
        lacks = self._wording.lacks(fields, tuple(name for name in limits if name not in OPTIONAL), _INSTEAD)
        renders = {
            name: template.fill
            for name, chars_max in limits.items()
            if name in fields and (template := self._template(name, chars_max)) is not None
        }
        action = self._action() if self._channel in WITH_ACTION else None
        if lacks:
            return None
        facts = [self._wording.facts[name] for name in self._uses]
        return Text(renders, self._uses, action, _specificity(facts), _grounds(facts), self._opacity())

    def _opacity(self) -> float:
        """Return how much words hide of why they come and of how to stop them; soft ones hide nothing."""
        if self._is_soft or "shows" not in self._fields:
            original = None if self._wording.original is None else self._wording.original.get(self._channel)
            return 0.0 if self._is_soft or original is None else original.say.opacity
        shown = self._fields.texts("shows", SHOWS, "something to show")
        return 1.0 - sum(_SHOWN for _ in shown)

    def _template(self, name: str, chars_max: int) -> Template | None:
        fields, node = self._fields, self._fields.keys[name]
        text = _written(fields, node, name, chars_max)
        if text is None:
            return None
        try:
            template = compile_template(text, self._wording.speech, "html" if name == "html" else "text")
        except Forbidden as error:
            fields.error(node, str(error))
            return None
        if name == "html" and (problem := markup_problem(template.outline)):
            fields.error(node, problem)
        if self._is_soft and (slip := self._wording.discretion.slip(template.wording)):
            fields.error(node, slip)
        if template.chars > chars_max:
            fields.error(node, f"has {template.chars} characters, {chars_max} are allowed")
        if template.lacks:
            self._report_plurals(node, template.lacks)
        for fact, filters in sorted(template.uses.items()):
            self._use(node, fact, filters)
        return template

    def _report_plurals(self, node: Node, lacks: frozenset[str]) -> None:
        wording, findings = self._wording, self._fields.findings
        report = findings.error if wording.original is None else findings.warn
        missing = listed(sorted(lacks))
        report(
            node.file, node.line, f"{node.path}: plural lacks {missing}, which {wording.speech.name} needs"
        )

    def _use(self, node: Node, name: str, filters: frozenset[str]) -> None:
        """Note that the words use a fact, and report what they may not do with it."""
        fields, facts = self._fields, self._wording.facts
        fact = facts.get(name)
        if fact is None:
            known = listed(facts) or "none"
            fields.error(
                node, f"{{{{ {name} }}}} is not declared in facts; declared are {known}{nearest(name, facts)}"
            )
            return
        wanted = {_WRITES[one] for one in filters if one}
        self._uses[name] = next(iter(wanted)) if fact.kind == "any" and wanted else fact.kind
        for one in sorted(filters):
            # A trait may turn out to be a number; it is never money or a date.
            may_be = ("number", "any") if _WRITES.get(one) == "number" else (_WRITES.get(one),)
            if one and fact.kind not in may_be:
                wants, found = _CALLED[_WRITES[one]], _CALLED[fact.kind]
                fields.error(node, f"{one} takes {wants}, and {{{{ {name} }}}} ({fact.path}) is {found}")
        if self._is_soft and SPECIFICITIES.index(fact.specificity) > SOFT_SPECIFICITY_MAX:
            message = f"soft words may reveal a category at most, {{{{ {name} }}}} ({fact.path}) reveals"
            fields.error(node, f"{message} {_article(fact.specificity)}")
        elif self._is_soft and fact.specificity == "brand":
            fields.error(
                node, f"soft words may name no brand: {{{{ {name} }}}} ({fact.path}) is that of an item"
            )
        elif self._channel == "in_store":
            self._use_in_store(node, name, fact)

    def _use_in_store(self, node: Node, name: str, fact: FactPath) -> None:
        """Report what must not be said where others hear or see it; a display may say nothing of anybody."""
        setup = self._wording.setup.channels.get("in_store")
        said = f"{{{{ {name} }}}} ({fact.path})"
        if setup is not None and setup.form == DISPLAY and fact.specificity != "none":
            message = f"a display is public: {said} would show others {_article(fact.specificity)}"
            self._fields.error(node, message)
        elif fact.path.startswith(TRAIT_PREFIX):
            self._fields.error(node, f"in_store may be overheard or overlooked: {said} is not allowed")

    def _action(self) -> Leads | None:
        """Read where a tap leads; a translation that does not say leads where the original does."""
        fields, wording = self._fields, self._wording
        if "action" not in fields:
            copy = (wording.original or {}).get(self._channel)
            return None if copy is None else (copy.soft if self._is_soft else copy.say).action
        node = fields.keys["action"]
        if (text := _written(fields, node, "action", ACTION_CHARS_MAX)) is None:
            return None
        try:
            template = compile_template(text, wording.speech, "link")
        except Forbidden as error:
            fields.error(node, str(error))
            return None
        allowed = wording.setup.actions
        if problem := link_problem(template.outline.replace("\0", "x"), allowed):
            fields.error(node, f"{text!r} {problem}")
        for fact, filters in sorted(template.uses.items()):
            self._use(node, fact, filters)
        return _leading(template, allowed)


def _specificity(facts: Sequence[FactPath]) -> str:
    """Return how much facts reveal together: an item and something of the person are as exact as a place."""
    most = max((SPECIFICITIES.index(fact.specificity) for fact in facts), default=0)
    of_person = any(fact.path.startswith(TRAIT_PREFIX) for fact in facts)
    of_item = any(fact.specificity == "item" and not fact.path.startswith(TRAIT_PREFIX) for fact in facts)
    return (
        SPECIFICITIES[max(most, SPECIFICITIES.index("place"))]
        if of_person and of_item
        else SPECIFICITIES[most]
    )


def _grounds(facts: Sequence[FactPath]) -> tuple[Ground, ...]:
    return tuple(dict.fromkeys(ground for fact in facts for ground in fact.grounds))


def _leading(template: Template, allowed: tuple[str, ...]) -> Leads:
    if not template.uses:
        return template.fill

    def leads(values: Mapping[str, FactValue]) -> str:
        link = template.fill(values)
        if problem := link_problem(link, allowed):
            raise ValueError(problem)
        return link

    return leads


def _written(fields: Fields, node: Node, name: str, chars_max: int) -> str | None:
    text = node.raw.strip()
    if node.kind not in ("text", "number") or not text:
        fields.error(node, f"{node} is not a text")
        return None
    if len(text) > chars_max + BRACES_CHARS_MAX:
        fields.error(node, f"has {len(text)} characters, {chars_max} are allowed")
        return None
    allowed = text.replace("\n", "") if name in LONG else text
    if not allowed.isprintable():
        fields.error(node, "contains control characters or line breaks")
        return None
    return text


def _article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"
