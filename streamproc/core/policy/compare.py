"""How two values of a policy differ, in words, and which way restraint moved.

Whatever a file may hold is compared by its shape, so that a key that is added there is told of here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, Literal

from streamproc.core.policy import phrases
from streamproc.core.policy.caps import CAP, DAY_MS
from streamproc.core.policy.document import Node
from streamproc.core.policy.fields import duration_ms
from streamproc.core.policy.phrases import fitting, meaning, resolved, words
from streamproc.core.policy.shape import (
    Again,
    ByName,
    Choice,
    Flag,
    Hours,
    Key,
    ListOf,
    Looser,
    Shape,
    Text,
    Value,
)

Restraint = Literal["looser", "tighter", ""]
_CLOCKS: Final = re.compile(r"\d\d:\d\d-\d\d:\d\d")
DAY_MINUTES: Final = 24 * 60
Kind = Literal["new", "gone", "changed", "words"]

NOTHING: Final = Node("", 0, "", "mapping", "", {}, {}, ())


@dataclass(frozen=True)
class Change:
    """One difference. `part` is what it is about (`channel push`), `says` tells it in words.

    `restraint` is empty where a change neither loosens nor tightens, or where that cannot be told; what does both is
    called looser. Of `words` that customers read, `was` and `now` are the whole texts.
    """

    part: str
    path: str
    says: str
    restraint: Restraint = ""
    kind: Kind = "changed"
    was: str = ""
    now: str = ""


@dataclass(frozen=True)
class Place:
    """Where in a policy two values are compared; `flipped` inside a `not`, where more means less."""

    part: str
    path: str
    labels: tuple[str, ...] = ()
    flipped: bool = False

    def inside(self, name: str, label: str) -> Place:
        """Return the place of a key below this one."""
        return replace(self, path=f"{self.path}.{name}", labels=(*self.labels, label))

    @property
    def label(self) -> str:
        """Say where: `quiet hours open`."""
        return " ".join(self.labels)


def compare(place: Place, key: Key, old: Node | None, new: Node | None) -> Iterator[Change]:
    """Tell how two values of one key differ; None stands for a key that is not there."""
    if meaning(key.value, old) == meaning(key.value, new):
        return
    value = resolved(key.value)
    if (
        isinstance(value, ListOf)
        and resolved(value.of) is CAP
        and phrases.are_caps(old)
        and phrases.are_caps(new)
    ):
        yield from _caps(place, old, new)
    elif isinstance(value, Text) and not value.pattern:
        yield _rewritten(place, old, new)
    elif isinstance(value, Shape) and (old is None or new is None) and _has_words(value):
        yield from shapes(place, value, old or NOTHING, new or NOTHING)
    elif old is None or new is None or old.kind != new.kind:
        yield _came_or_went(place, key, old, new)
    else:
        yield from _both(place, key, fitting(value, new), old, new)


def _both(place: Place, key: Key, value: Value, old: Node, new: Node) -> Iterator[Change]:
    if isinstance(value, Shape):
        yield from _condition(place, value, old, new) if value.is_single else shapes(place, value, old, new)
    elif isinstance(value, ByName):
        for name in {**old.keys, **new.keys}:
            was, now = old.keys.get(name), new.keys.get(name)
            # That there is one more may loosen; which one it is, nobody can rank.
            inner = replace(key, value=value.of, looser="" if was and now else key.looser)
            yield from compare(place.inside(name, name), inner, was, now)
    elif isinstance(value, ListOf) and isinstance(resolved(value.of), Shape):
        yield from _named_items(place, value, old, new)
    elif isinstance(value, ListOf):
        yield from _items(place, key, value, old, new)
    else:
        says = f"{place.label}: {words(value, new)}, was {words(value, old)}"
        yield Change(
            place.part, place.path, says, _turned(place, key.looser, is_more=_is_more(value, old, new))
        )


def _rewritten(place: Place, old: Node | None, new: Node | None) -> Change:
    """Put the words that customers, or authors, read beside each other."""
    was, now = ("" if node is None else node.raw.strip() for node in (old, new))
    labels = ", ".join(label for label in place.labels if label != "content")
    return Change(place.part, place.path, labels, kind="words", was=was, now=now)


def _has_words(shape: Shape) -> bool:
    values = [key.value for key in shape.keys.values()]
    return any(
        (isinstance(one, Text) and not one.pattern) or (isinstance(one, Shape) and _has_words(one))
        for one in values
    )


def shapes(place: Place, shape: Shape, old: Node, new: Node) -> Iterator[Change]:
    """Compare two mappings key by key, in the order of their shape."""
    patterned = [name for name in {**old.keys, **new.keys} if name not in shape.keys]
    for name in (*shape.keys, *patterned):
        key = shape.keys.get(name) or _patterned(shape, name)
        inner = place.inside(name, phrases.label(shape, name))
        yield from compare(inner, key, old.keys.get(name), new.keys.get(name))


def _patterned(shape: Shape, name: str) -> Key:
    return Key("", phrases.key_of(shape, name) or Text())


def _turned(place: Place, looser: Looser, *, is_more: bool | None) -> Restraint:
    """Tell which way restraint moved: by which way more of it is looser, and whether there is more of it."""
    if not looser or is_more is None:
        return ""
    return "looser" if (looser == "more") == (is_more != place.flipped) else "tighter"


def _is_more(value: Value, old: Node, new: Node) -> bool | None:
    if isinstance(value, Hours):
        are_clocks = all(_CLOCKS.fullmatch(node.raw.strip()) for node in (old, new))
        return not _minutes(new) < _minutes(old) if are_clocks else None
    before, after = (_rank(value, node) for node in (old, new))
    if before is None or after is None:
        return None
    return before < after


def _minutes(hours: Node) -> frozenset[int]:
    """Return the minutes of the day in a window such as 09:00-20:00."""
    (opens, closes) = (int(clock[:2]) * 60 + int(clock[3:5]) for clock in hours.raw.strip().split("-"))
    length = (closes - opens) % DAY_MINUTES or DAY_MINUTES
    return frozenset((opens + minute) % DAY_MINUTES for minute in range(length))


def _rank(value: Value, node: Node) -> Decimal | None:
    """Return what values of this kind are ordered by, None where they are not."""
    if isinstance(value, Choice):
        return Decimal(value.names.index(node.raw)) if node.raw in value.names else None
    if isinstance(value, Flag):
        return Decimal(node.raw.lower() == "true")
    found = meaning(value, node)
    if isinstance(found, str) and found[:4].isdigit():
        return Decimal("".join(char for char in found if char.isdigit()))  # a date
    return Decimal(found) if isinstance(found, int | Decimal) else None


def _came_or_went(place: Place, key: Key, old: Node | None, new: Node | None) -> Change:
    """Tell of a key that was added or taken out, or that holds a value of another kind now."""
    node = new if new is not None else old
    assert node is not None
    now, was = (None if one is None else words(key.value, one) for one in (new, old))
    kind: Kind = "new" if old is None else "gone" if new is None else "changed"
    says = f"{place.label}: {now or 'not set any more'}, was {was or 'not set'}"
    return Change(place.part, place.path, says, _turned_by_presence(place, key, old, new), kind)


def _turned_by_presence(place: Place, key: Key, old: Node | None, new: Node | None) -> Restraint:
    node = new if new is not None else old
    assert node is not None
    value = fitting(key.value, node)
    if isinstance(value, Flag):
        # One of the two is the default, which is as if unsaid.
        is_more = node.raw.lower() == "true" if new is not None else value.default
        return _turned(place, key.looser, is_more=is_more)
    if old is not None and new is not None:
        is_more_now = new.kind == "mapping" if "mapping" in (old.kind, new.kind) else None
        return _turned(place, key.looser, is_more=is_more_now)
    if not key.looser or key.unsaid == "neither":
        return ""
    return "tighter" if ((new is not None) == (key.unsaid == "loosest")) != place.flipped else "looser"


def _items(place: Place, key: Key, value: ListOf, old: Node, new: Node) -> Iterator[Change]:
    """Compare two lists of plain values: what came, what went, and else that the order differs."""
    before, after = ([words(value.of, one) for one in node.items] for node in (old, new))
    came = [one for one in after if one not in before]
    went = [one for one in before if one not in after]
    if came:
        says = f"{place.label}: also {', '.join(came)}"
        yield Change(place.part, place.path, says, _turned(place, key.looser, is_more=True), "new")
    if went:
        says = f"{place.label}: no longer {', '.join(went)}"
        yield Change(place.part, place.path, says, _turned(place, key.looser, is_more=False), "gone")
    if not came and not went:
        says = f"{place.label}: {', '.join(after)}, was {', '.join(before)}"
        yield Change(place.part, place.path, says)


def _named_items(place: Place, value: ListOf, old: Node, new: Node) -> Iterator[Change]:
    """Compare two lists of mappings that have names, such as examples: which came, went and changed."""
    before, after = (
        {_name(one, at): meaning(value.of, one) for at, one in enumerate(node.items, 1)}
        for node in (old, new)
    )
    for name in {**before, **after}:
        if before.get(name) == after.get(name):
            continue
        kind: Kind = "new" if name not in before else "gone" if name not in after else "changed"
        yield Change(place.part, place.path, f"{place.label}: {name} {_KIND_SAYS[kind]}", kind=kind)


_KIND_SAYS: Final = {"new": "is new", "gone": "is gone", "changed": "differs"}


def _name(node: Node, at: int) -> str:
    return f'"{node.keys["name"].raw}"' if "name" in node.keys else f"number {at}"


def _caps(place: Place, old: Node | None, new: Node | None) -> Iterator[Change]:
    """Compare caps window by window; a window that went and one that came are told as one change."""
    before, after = ({phrases.cap(one): one for one in node.items} if node else {} for node in (old, new))
    went = [name for name in before if name not in after]
    came = [name for name in after if name not in before]
    for name in after:
        if name in before and (most := _most(after[name])) != (was := _most(before[name])):
            says = f"at most {most} {name}, was {was}"
            yield Change(place.part, place.path, says, "looser" if most > was else "tighter")
    if len(went) == len(came) == 1:
        was_cap, now_cap = before[went[0]], after[came[0]]
        says = f"at most {_most(now_cap)} {came[0]}, was {_most(was_cap)} {went[0]}"
        yield Change(place.part, place.path, says, _between(was_cap, now_cap))
        return
    for name in came:
        yield Change(place.part, place.path, f"also at most {_most(after[name])} {name}", "tighter", "new")
    for name in went:
        says = f"no longer at most {_most(before[name])} {name}"
        yield Change(place.part, place.path, says, "looser", "gone")


def _most(cap: Node) -> int:
    return int(Decimal(cap.keys["max"].raw))


_PERIOD_DAYS: Final = {"visit": 1, "day": 1, "week": 7, "month": 31}
# Calendar windows that lie within others, wherever they begin; a week does not lie within a month.
_WITHIN: Final = {"visit": ("day", "week", "month"), "day": ("week", "month"), "week": (), "month": ()}


def _between(was: Node, now: Node) -> Restraint:
    """Compare two caps of different windows: one is tighter only if it lets nothing through that the other stops.

    So a calendar window is never tighter than a sliding one: two messages may stand on both sides of midnight.
    """
    return "tighter" if _most(now) <= _most(was) and _covers(now, was) else "looser"


def _covers(now: Node, was: Node) -> bool:
    """Tell whether messages that fall into one window of `was` fall into one of `now`; a day is taken as 24 h."""
    if "ever" in now.keys or "ever" in was.keys:
        return "ever" in now.keys
    if "per" in now.keys:
        return "per" in was.keys and now.keys["per"].raw in _WITHIN[was.keys["per"].raw]
    needed_ms = _PERIOD_DAYS[was.keys["per"].raw] * DAY_MS if "per" in was.keys else _rolling_ms(was)
    return _rolling_ms(now) >= needed_ms


def _rolling_ms(cap: Node) -> int:
    ms = duration_ms(cap.keys["rolling"].raw)
    assert ms is not None, "are_caps was asked"
    return ms


def _condition(place: Place, shape: Shape, old: Node, new: Node) -> Iterator[Change]:
    """Compare two conditions: as deep as both are built alike, and as a whole from there on."""
    (before, was), (after, now) = (next(iter(node.keys.items()), ("", node)) for node in (old, new))
    key = shape.keys.get(after)
    if before != after and "all" in (before, after):
        # One condition is the same as all of this one.
        sides = (
            side.items if name == "all" else (node,)
            for name, side, node in ((before, was, old), (after, now, new))
        )
        yield from _branches(place, shape, shape.keys["all"], *sides)
    elif before != after or key is None or was.kind != now.kind:
        says = f"{place.label}: {phrases.condition(shape, new)}, was {phrases.condition(shape, old)}"
        yield Change(place.part, place.path, says)
    elif isinstance(key.value, ListOf):
        yield from _branches(place, shape, key, was.items, now.items)
    elif isinstance(key.value, Again):
        yield from _condition(replace(place, flipped=not place.flipped), shape, was, now)
    else:
        turns = {one.restraint for one in compare(place, key, was, now)}
        only = turns.pop() if len(turns) == 1 else ""
        says = f"{place.label}: {phrases.condition(shape, new)}, was {_before(key.value, was, now)}"
        yield Change(place.part, place.path, says, "looser" if "looser" in turns else only)


def _before(value: Value, old: Node, new: Node) -> str:
    """Say what of a condition was otherwise."""
    if not isinstance(value, Shape):
        return words(value, old)
    differing = [
        (name, old.keys.get(name))
        for name, key in value.keys.items()
        if meaning(key.value, old.keys.get(name)) != meaning(key.value, new.keys.get(name))
    ]
    return phrases.listed(
        f"without {phrases.label(value, name)}" if node is None else phrases.said(value, name, node)
        for name, node in differing
    )


def _branches(
    place: Place, shape: Shape, key: Key, old: tuple[Node, ...], new: tuple[Node, ...]
) -> Iterator[Change]:
    """Compare the branches of an `all` or `any`: equal ones aside, those of one kind with each other, in order."""
    left = [one for one in old if meaning(shape, one) not in [meaning(shape, other) for other in new]]
    for one in new:
        if meaning(shape, one) in [meaning(shape, other) for other in old]:
            continue
        alike = next((other for other in left if list(other.keys) == list(one.keys)), None)
        if alike is not None:
            left.remove(alike)
            yield from _condition(place, shape, alike, one)
        else:
            says = f"{place.label}: also {phrases.condition(shape, one)}"
            yield Change(place.part, place.path, says, _turned(place, key.looser, is_more=True), "new")
    for one in left:
        says = f"{place.label}: no longer {phrases.condition(shape, one)}"
        yield Change(place.part, place.path, says, _turned(place, key.looser, is_more=False), "gone")
