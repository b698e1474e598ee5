"""What one message is about: no privacy hangs on the one word that is typed into its campaign."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from streamproc.core.policy.model import FROM_ITEM, TRANSACTIONAL

if TYPE_CHECKING:
    from streamproc.core.context import Line
    from streamproc.core.policy.model import Campaign, Category
    from streamproc.core.scene import Scene

WHEN: Final = "when"
TRIGGER: Final = "trigger"


class Subject(msgspec.Struct, frozen=True, gc=False):
    """A category that a message is about. `via` is how it comes to it: empty for the campaign's own, `when` for a
    condition, `trigger` for an item of the event, else the path of a fact.
    """

    category: Category
    via: str = ""

    def __str__(self) -> str:
        """Name the category, and how the message comes to it."""
        return f"{self.category.name} ({self.via})" if self.via else self.category.name


class Told(msgspec.Struct, frozen=True, gc=False):
    """What a fact of the campaign, by its name and path, is about, and the line of a list that it names."""

    fact: str
    path: str
    category: Category
    line: Line | None = None


class Subjects(msgspec.Struct, frozen=True, gc=False):
    """Whatever a message is about: each category once, the campaign's own first, and what its facts are about."""

    each: tuple[Subject, ...] = ()
    told: tuple[Told, ...] = ()


def subjects_of(scene: Scene, campaign: Campaign, category: Category) -> Subjects:
    """Collect what a message of this campaign, which is of this category, is about at this event.

    All items of the event count, not only what the words name: whoever is written to because of them learns that they
    were seen. A message about an order is about the order itself, which its conditions and facts may say more of.
    """
    own, about, items = Subject(category), campaign.about, scene.event.items
    is_of_item = campaign.category == FROM_ITEM
    if not about.categories and not about.facts and len(items) <= is_of_item:
        return Subjects((own,))
    each = {category.name: own}
    for name in about.categories:
        each.setdefault(name, Subject(scene.policy.categories[name], WHEN))
    if items and scene.category is not None and campaign.purpose != TRANSACTIONAL:
        # Of the first the customer's memory may know more than the event says.
        each.setdefault(scene.category.name, Subject(scene.category, TRIGGER))
        for item in items[1:]:
            found = scene.policy.find_category(item.category or "")
            each.setdefault(found.name, Subject(found, TRIGGER))
    told: list[Told] = []
    for fact, path, names in about.facts:
        named = names(scene)
        if named is not None:
            told.append(Told(fact, path, named.category, named.line))
            each.setdefault(named.category.name, Subject(named.category, path))
    return Subjects(tuple(each.values()), tuple(told))
