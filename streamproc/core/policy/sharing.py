"""Which triggers have many campaigns, and which conditions several campaigns of one trigger ask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from streamproc.core.policy.document import Node

JOINS: Final = ("all", "any", "not")
# Sorting sixteen events by kind costs about as much as four plain counts.
CROWD: Final = 5


class Sharing:
    """What the campaigns of a policy have in common, found before they are compiled."""

    def __init__(self, campaigns: Iterable[Node] = ()) -> None:
        self._triggers: Final[Counter[str]] = Counter()
        self._asked: Final[Counter[tuple[str, str]]] = Counter()
        self._slots: Final[dict[tuple[str, str], int]] = {}
        for node in campaigns:
            trigger = node.keys["trigger"].keys.get("event") if "trigger" in node.keys else None
            if trigger is None:
                continue
            self._triggers[trigger.raw] += 1
            if "when" in node.keys:
                # A campaign that asks twice asks two of its own branches, and need not remember the answer.
                self._asked.update({(trigger.raw, text) for text in _leaves(node.keys["when"])})

    def is_crowded(self, trigger: str) -> bool:
        """Tell whether so many campaigns have this trigger that events are better sorted once for all of them."""
        return self._triggers[trigger] >= CROWD

    def slot(self, trigger: str, node: Node) -> int | None:
        """Return the number of a condition that several campaigns of a trigger ask; None if only one does."""
        asked = (trigger, _text(node))
        if self._asked[asked] < 2:  # noqa: PLR2004
            return None
        return self._slots.setdefault(asked, len(self._slots))


def _leaves(node: Node) -> Iterator[str]:
    for key, inner in node.keys.items():
        if key in JOINS:
            for one in inner.items or (inner,):
                yield from _leaves(one)
        else:
            yield _text(node)


def _text(node: Node) -> str:
    """Write a node so that equal ones, the order of keys aside, read alike."""
    if node.kind == "mapping":
        return f"{{{', '.join(f'{key!r}: {_text(node.keys[key])}' for key in sorted(node.keys))}}}"
    if node.kind == "list":
        return f"[{', '.join(_text(item) for item in node.items)}]"
    return f"{node.kind} {node.raw!r}"
