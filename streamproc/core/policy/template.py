"""The little that a text may do: put facts into words, as its language writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from html import escape
from math import isfinite
from typing import Final, Literal
from urllib.parse import quote

from jinja2 import StrictUndefined, TemplateError, nodes
from jinja2.sandbox import SandboxedEnvironment

from streamproc.core.locales import DATE_STYLES, OTHER, Speech
from streamproc.core.policy.problems import listed, nearest
from streamproc.core.values import FactValue, Money

Renderer = Callable[[Mapping[str, FactValue]], str]
Filler = Callable[[FactValue], str]
# What a template writes: plain text, HTML, where values are escaped, or a link, where they are percent-encoded.
Into = Literal["text", "html", "link"]

FILTERS: Final = ("plural", "number", "money", "date")
COUNT_SIGN: Final = "#"  # in a plural's texts, the number itself
_ONLY: Final = "only {{ name }} and {{ name | filter }} are allowed"
_NO_STATEMENT: Final = f"{_ONLY}, no statement ({{% ... %}})"
_ESCAPES: Final[Mapping[Into, Callable[[str], str]]] = {
    "text": str,
    "html": escape,
    "link": lambda text: quote(text, safe=""),
}

# Jinja reads the templates, in its sandbox, but never runs them: what is left after the checks below are texts, names
# and four filters, and joining those needs no generated code. So there is nothing to loop, call or look into.
_JINJA: Final = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False, cache_size=0)


class Forbidden(ValueError):
    """Say that a template does more than put facts into a text."""


@dataclass(frozen=True)
class Template:
    """A compiled text.

    `fill` gives the text for the facts' values; it raises KeyError for a missing one, and ValueError or TypeError for
    one that a filter cannot write. `uses` holds the filters of each fact it names, empty where it is written as it is.
    `chars` is the greatest length of the words alone; `lacks` names the plural forms that the language has and a text
    has not; `outline` is the text with a NUL for each fact, `wording` all the words that it may write of its own.
    """

    fill: Renderer
    uses: Mapping[str, frozenset[str]]
    chars: int
    lacks: frozenset[str]
    outline: str
    wording: str = ""


@dataclass(frozen=True)
class _Slot:
    """A place where a fact goes."""

    name: str
    filter: str
    write: Filler
    chars: int = 0
    lacks: frozenset[str] = frozenset()
    wording: str = "\0"


def compile_template(text: str, speech: Speech, into: Into = "text") -> Template:
    """Compile a template in a language.

    `{{ name }}` writes a fact as the language does; `{{ name | filter }}` says how: `plural(one="...", other="...")`,
    `number`, `money`, `date` or `date("day")`. Nothing else is allowed: no statement, attribute, call or literal.

    Raises Forbidden with the reason otherwise.
    """
    parts: list[str | _Slot] = []
    for output in _parsed(text):
        if not isinstance(output, nodes.Output):
            raise Forbidden(_NO_STATEMENT)
        parts += [_part(node, speech) for node in output.nodes]
    slots = [part for part in parts if isinstance(part, _Slot)]
    uses: dict[str, frozenset[str]] = {}
    for slot in slots:
        uses[slot.name] = uses.get(slot.name, frozenset()) | {slot.filter}
    return Template(
        fill=_joining(parts, _ESCAPES[into]),
        uses=uses,
        chars=sum(part.chars if isinstance(part, _Slot) else len(part) for part in parts),
        lacks=frozenset[str]().union(*(slot.lacks for slot in slots)),
        outline="".join("\0" if isinstance(part, _Slot) else part for part in parts),
        wording="".join(part.wording if isinstance(part, _Slot) else part for part in parts),
    )


def _parsed(text: str) -> list[nodes.Node]:
    try:
        return _JINJA.parse(text).body
    except TemplateError as error:
        if "{%" in text:
            raise Forbidden(_NO_STATEMENT) from error
        raise Forbidden(f"not a template: {error.message}") from error
    except (RecursionError, ValueError) as error:
        # Brackets in thousands, and numbers of thousands of digits.
        raise Forbidden(_ONLY) from error


def _joining(parts: list[str | _Slot], safe: Callable[[str], str]) -> Renderer:
    if not any(isinstance(part, _Slot) for part in parts):
        whole = "".join(str(part) for part in parts)
        return lambda _values: whole
    return lambda values: "".join(
        [part if isinstance(part, str) else safe(part.write(values[part.name])) for part in parts]
    )


def _part(node: nodes.Node, speech: Speech) -> str | _Slot:
    """Read a stretch of words or the place of a fact."""
    if isinstance(node, nodes.TemplateData):
        return node.data
    if isinstance(node, nodes.Name):
        return _Slot(node.name, "", speech.say)
    if not isinstance(node, nodes.Filter) or not isinstance(node.node, nodes.Name):
        raise Forbidden(f"{_ONLY}: no attribute, call, literal or second filter")
    if node.name not in FILTERS:
        raise Forbidden(
            f"{node.name} is not a filter; allowed are {listed(FILTERS)}{nearest(node.name, FILTERS)}"
        )
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise Forbidden(f"{node.name} takes no * arguments")
    texts = [_constant(node.name, argument) for argument in node.args]
    named = {str(keyword.key): _constant(node.name, keyword.value) for keyword in node.kwargs}
    if len(named) < len(node.kwargs):
        raise Forbidden(f"{node.name} has one argument twice")
    fact = node.node.name
    if node.name == "plural":
        return _plural(fact, texts, named, speech)
    if named or len(texts) > (node.name == "date"):
        raise Forbidden(f"{node.name} takes no such argument")
    if node.name == "date":
        return _Slot(fact, "date", _dated(speech, *texts))
    return _Slot(fact, node.name, _number(speech) if node.name == "number" else _money(speech))


def _constant(name: str, node: nodes.Expr) -> str:
    if not isinstance(node, nodes.Const) or not isinstance(node.value, str):
        raise Forbidden(f"the arguments of {name} are texts in quotes")
    if not node.value.isprintable():  # as "\n", which looks harmless in the file
        raise Forbidden(f"an argument of {name} contains control characters or line breaks")
    return node.value


def _number(speech: Speech) -> Filler:
    def write(value: FactValue) -> str:
        return speech.number(_counted(value))

    return write


def _counted(value: FactValue) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        raise TypeError("not a number")
    return value


def _money(speech: Speech) -> Filler:
    def write(value: FactValue) -> str:
        if not isinstance(value, Money):
            raise TypeError("not an amount of money")
        return speech.money(value)

    return write


def _dated(speech: Speech, style: str = "long") -> Filler:
    if style not in DATE_STYLES:
        known = f"allowed are {listed(DATE_STYLES)}{nearest(style, DATE_STYLES)}"
        raise Forbidden(f"{style!r} is not a style of date; {known}")

    def write(value: FactValue) -> str:
        if not isinstance(value, date):
            raise TypeError("not a date")
        return speech.date(value, style)

    return write


def _plural(fact: str, texts: list[str], forms: dict[str, str], speech: Speech) -> _Slot:
    """Choose between forms by the number; the forms are those that CLDR knows for the language."""
    if texts or not forms:
        raise Forbidden('plural takes the forms by name, as in plural(one="# item", other="# items")')
    for form in forms:
        if form not in speech.plurals:
            known = f"{speech.name} has {listed(sorted(speech.plurals))}"
            raise Forbidden(f"{form} is not a plural form; {known}{nearest(form, speech.plurals)}")
    if OTHER not in forms:
        raise Forbidden(f"plural needs the form {OTHER}, which stands in for every other")

    def write(value: FactValue) -> str:
        number = _counted(value)
        form = forms.get(speech.plural(number), forms[OTHER])
        return form.replace(COUNT_SIGN, speech.number(number)) if COUNT_SIGN in form else form

    longest = max(len(form) for form in forms.values())
    lacks, wording = speech.count_plurals - forms.keys(), "\0".join(forms.values())
    return _Slot(fact, "plural", write, longest, lacks, wording)
