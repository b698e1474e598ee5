"""The HTML that an author may write: so little of it that every mail program reads it alike."""

from __future__ import annotations

import re
from typing import Final

from streamproc.core.policy.problems import listed, nearest, shown

VOID: Final = frozenset({"br", "hr", "img"})
ELEMENTS: Final = VOID | {
    *("a", "b", "blockquote", "center", "div", "em", "h1", "h2", "h3", "h4", "i", "li", "ol", "p", "small"),
    *("span", "strong", "table", "tbody", "td", "th", "thead", "tr", "u", "ul"),
}
LINKS: Final = frozenset({"href", "src"})
ATTRIBUTES: Final = LINKS | {
    *("align", "alt", "bgcolor", "border", "cellpadding", "cellspacing", "class", "colspan", "dir", "height"),
    *("lang", "role", "rowspan", "style", "title", "valign", "width"),
}
DEPTH_MAX: Final = 32
# Attributes stand in double quotes, and neither they nor names hold a fact: nothing a customer, or a catalogue, says
# can then become a tag or an attribute, however a mail program reads it.
_TAG: Final = re.compile(r'<(/?)([a-z][a-z0-9]*)((?:\s+[a-z]+="[^"<>\0]*")*)\s*(/?)>')
_ATTRIBUTE: Final = re.compile(r'([a-z]+)="([^"]*)"')


def markup_problem(outline: str) -> str:
    """Say what is wrong with a piece of HTML, or nothing. A NUL stands for each fact (`Template.outline`).

    Every element is known and closed, so that what follows the piece (reason, links of control) is not swallowed.
    """
    opened: list[str] = []
    end = 0
    while (begin := outline.find("<", end)) >= 0:
        tag = _TAG.match(outline, begin)
        if tag is None:
            found = shown(outline[begin : begin + 40].replace("\0", "{{ }}"))
            rule = "names in lower case, attributes in double quotes, and no facts inside"
            return f'{found} is no tag such as <a href="https://...">: {rule}'
        end = tag.end()
        closes, name, attributes, is_empty = tag.groups()
        if name not in ELEMENTS:
            return f"<{name}> is not allowed; allowed are {listed(sorted(ELEMENTS))}{nearest(name, ELEMENTS)}"
        if problem := _attribute_problem(name, attributes):
            return problem
        if closes:
            if attributes or is_empty or not opened or opened.pop() != name:
                return f"</{name}> closes what is not open"
        elif name not in VOID:
            if is_empty:
                return f"<{name}/> is not closed by its slash; write <{name}></{name}>"
            opened.append(name)
        if len(opened) > DEPTH_MAX:
            return f"more than {DEPTH_MAX} elements inside each other"
    return f"<{opened[-1]}> is not closed" if opened else ""


def _attribute_problem(name: str, attributes: str) -> str:
    found = _ATTRIBUTE.findall(attributes)
    for attribute, value in found:
        if attribute not in ATTRIBUTES:
            known = f"allowed are {listed(sorted(ATTRIBUTES))}{nearest(attribute, ATTRIBUTES)}"
            return f"<{name} {attribute}> is not allowed; {known}"
        if attribute in LINKS and not value.startswith(("https://", "mailto:")):
            return f"<{name} {attribute}> leads neither to an https nor to a mailto address"
    names = [attribute for attribute, _ in found]
    return f"<{name}> has an attribute twice" if len(set(names)) < len(names) else ""
