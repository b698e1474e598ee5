"""Whether the wish that a message speaks to is fulfilled, because the customer bought it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamproc.core.memory import FULFILLED_DEFAULT_MS, fulfilled_until_ms

if TYPE_CHECKING:
    from streamproc.core.policy.model import Campaign, Category
    from streamproc.core.scene import Scene
    from streamproc.core.subject import Told


def bought_until_ms(scene: Scene, campaign: Campaign, category: Category) -> int:
    """Return until when what a message is about counts as bought, in milliseconds; 0 if it does not.

    Who waits for a part of the repurchase interval of an order speaks of buying that again: the order itself is no
    obstacle, and a later one is.
    """
    fulfilled = scene.context.fulfilled
    if not fulfilled:
        return 0
    until_ms = fulfilled_until_ms(
        fulfilled, category.name, scene.item.item_id if scene.item is not None else ""
    )
    if campaign.wait is not None and campaign.wait.repurchase_ratio:
        own_ms = scene.event.occurred_at_ms + (category.repurchase_ms or FULFILLED_DEFAULT_MS)
        return 0 if until_ms <= own_ms else until_ms
    return until_ms


def named_until_ms(scene: Scene, told: Told) -> int:
    """Return until when what a fact names counts as bought, in milliseconds; 0 if it does not, or names no item.

    For the event's own item `bought_until_ms` answers.
    """
    if told.line is None:
        return 0
    item_id = told.line.item.item_id
    if scene.item is not None and scene.item.item_id == item_id:
        return 0
    return fulfilled_until_ms(scene.context.fulfilled, told.category.name, item_id)
