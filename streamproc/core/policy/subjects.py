"""What a campaign's file says that its messages are about, and what must be true for the reason that it gives."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final

from streamproc.core.about import About
from streamproc.core.context import Line
from streamproc.core.event import CUSTOM_PREFIX
from streamproc.core.facts_paths import ITEM_CATEGORY, TOP_INTEREST, FactPath
from streamproc.core.policy import kinds, purposes
from streamproc.core.policy.categories import Categories
from streamproc.core.policy.category_finder import private_first
from streamproc.core.policy.model import Trigger
from streamproc.core.policy.rule import Rule
from streamproc.core.policy.traits import trait_finder
from streamproc.core.scene import Scene

_LINES: Final[Mapping[str, Callable[[Scene], list[Line]]]] = {
    "cart": lambda scene: scene.context.cart,
    "wishlist": lambda scene: scene.context.wishlist,
}


def read_about(
    trigger: Trigger | None,
    rule: Rule,
    paths: Mapping[str, FactPath],
    categories: Categories,
    purpose: str,
    because: tuple[str, ...],
) -> About:
    """Derive what the messages of a campaign are about, and what its reason hangs on."""
    if trigger is None:
        return About()
    # A kind that a producer named itself tells by its name, too: custom.pregnancy_quiz_done.
    own = [kind for kind in (trigger.kind, *rule.reads) if kind.startswith(CUSTOM_PREFIX)]
    named = {*rule.about, *_of_traits({*rule.traits, *own}, categories)}
    return About(
        categories=tuple(sorted(named & categories.categories.keys())),
        facts=tuple((name, fact.path, fact.names) for name, fact in paths.items() if fact.names is not None),
        proofs=tuple(_proofs(trigger, rule, paths, purpose, because)),
        called=tuple(name for name, fact in paths.items() if fact.path in (ITEM_CATEGORY, TOP_INTEREST)),
    )


def _of_traits(traits: Collection[str], categories: Categories) -> Iterator[str]:
    """Yield the categories that these traits tell of. Whoever has one, or has not, is told apart by it."""
    find = trait_finder(private_first(categories)) if traits else None
    for name in traits:
        category = find(name) if find is not None else None
        if category is not None:
            yield category.name


def _proofs(
    trigger: Trigger, rule: Rule, paths: Mapping[str, FactPath], purpose: str, because: tuple[str, ...]
) -> Iterator[tuple[str, Callable[[Scene], bool]]]:
    """Yield what each reason hangs on that is not true wherever trigger and conditions hold."""
    certain = rule.implies | purposes.implied_codes(purpose, trigger.kind)
    of_trigger = kinds.code_of(trigger.kind)
    for code in because:
        if code in certain:
            continue
        if code != of_trigger:
            yield code, _known([fact for fact in paths.values() if fact.code == code])
        elif code in _LINES:
            yield code, _still_there(_LINES[code])


def _known(facts: list[FactPath]) -> Callable[[Scene], bool]:
    """Hold where one of these facts is known, though maybe not to be shown."""
    seen = [fact.seen for fact in facts if fact.seen is not None]
    return lambda scene: any(one(scene) is not None for one in seen)


def _still_there(lines: Callable[[Scene], list[Line]]) -> Callable[[Scene], bool]:
    """Hold where what was put there lies there still, if the message had to wait since."""

    def test(scene: Scene) -> bool:
        if scene.timer is None:
            return True
        item = scene.item
        return any(item is None or line.item.item_id == item.item_id for line in lines(scene))

    return test
