"""What one message is about: no privacy hangs on the one word that is typed into its campaign."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamproc.core.policy.model import FROM_ITEM, TRANSACTIONAL
from streamproc.core.subject import Subject, Subjects, Told

if TYPE_CHECKING:
    from streamproc.core.context import RememberedItem
    from streamproc.core.policy.model import Campaign, Category
    from streamproc.core.scene import Scene

WHEN: Final = "when"
TRIGGER: Final = "trigger"


def subjects_of(scene: Scene, campaign: Campaign, category: Category) -> Subjects:
    """Collect what a message of this campaign, which is of this category, is about at this event.

    All items of the event count, not only what the words name: whoever is written to because of them learns that they
    were seen. A message about an order is about the order itself, which its conditions and facts may say more of.
    """
    own, about, items = Subject(category), campaign.about, scene.event.items
    is_of_item, timer = campaign.category == FROM_ITEM, scene.timer
    waited = timer.about if timer is not None else ()
    if not about.categories and not about.facts and len(items) <= is_of_item and not waited:
        return Subjects((own,))
    each = {category.name: own}
    for name in about.categories:
        each.setdefault(name, Subject(scene.policy.categories[name], WHEN))
    if campaign.purpose != TRANSACTIONAL:
        for found in _of_items(scene):
            each.setdefault(found.name, Subject(found, TRIGGER))
        for name in waited:
            # What the policy knows no longer may be as private as anything.
            found = scene.policy.categories.get(name, scene.policy.default_category)
            each.setdefault(found.name, Subject(found, TRIGGER))
    told: list[Told] = []
    for fact, path, names in about.facts:
        named = names(scene)
        if named is not None:
            told.append(Told(fact, path, named.category, named.line))
            each.setdefault(named.category.name, Subject(named.category, path))
    return Subjects(tuple(each.values()), tuple(told))


def waits_about(scene: Scene, campaign: Campaign, item: RememberedItem | None) -> tuple[str, ...]:
    """Name the categories of all items of an event, for what waits because of it, about this one of them.

    Empty where they are all of the item's own, and where only the order itself counts.
    """
    if item is None or campaign.purpose == TRANSACTIONAL:
        return ()
    names = {category.name for category in _of_items(scene)}
    return () if names == {scene.policy.find_category(item.category).name} else tuple(sorted(names))


def _of_items(scene: Scene) -> list[Category]:
    """Return the category of each item of the event. Of the first the memory may know more than the event says."""
    if scene.category is None:
        return []
    find = scene.policy.find_category
    return [scene.category, *[find(item.category or "") for item in scene.event.items[1:]]]
