"""Who speaks first: the order in which the candidates of one event are tried.

It is all that a campaign's benefit to the retailer decides. No gate reads it, so it never lets anybody speak who
could not speak alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamproc.core.plugin_view import Contender
from streamproc.core.policy.model import FROM_ITEM, TRANSACTIONAL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamproc.core.policy.model import Campaign
    from streamproc.core.scene import Scene

BY_PRIORITY, BY_VALUE = "priority", "value"
RANKINGS: Final = (BY_PRIORITY, BY_VALUE)


def rank(campaigns: Sequence[Campaign], scene: Scene) -> Sequence[Campaign]:
    """Order candidates, the best first; they come in the policy's order: by priority, then by name.

    By value, the one whose `worth` is greater goes first, and those of equal worth stay in the policy's order. A
    plug-in's ranking goes by its scores; whom it does not name comes last. What is transactional goes before all
    marketing.
    """
    overall = scene.policy.overall
    if overall.rank == BY_PRIORITY or len(campaigns) == 1:
        return campaigns
    if overall.ranking is not None:
        scores = overall.ranking.scores(scene, [_contender(one, scene) for one in campaigns])
        return sorted(
            campaigns, key=lambda one: (one.purpose != TRANSACTIONAL, -scores.get(one.id, float("-inf")))
        )
    return sorted(campaigns, key=lambda one: (one.purpose != TRANSACTIONAL, -worth(one, scene)))


def worth(campaign: Campaign, scene: Scene) -> float:
    """Return what a message of this campaign is expected to bring, in minor units: value times propensity.

    A campaign without a value, and a value that is not known, count as 0; without a propensity it is 1, and one that
    is not known is 0.
    """
    if campaign.value is None:
        return 0.0
    propensity = 1.0 if campaign.propensity is None else campaign.propensity(scene)
    return campaign.value(scene) * propensity


def _contender(campaign: Campaign, scene: Scene) -> Contender:
    named = scene.category.name if campaign.category == FROM_ITEM and scene.category else campaign.category
    return Contender(campaign.id, campaign.priority, named, campaign.channels)


def outranked_by(best: Campaign, campaign: Campaign, scene: Scene) -> str:
    """Say why one candidate goes before another, with the numbers compared."""
    if best.purpose != campaign.purpose:
        return f"by {best.id}, which is {best.purpose}"
    if best.purpose != TRANSACTIONAL and scene.policy.overall.rank == BY_VALUE:
        return f"by {best.id}, worth {worth(best, scene):.0f} >= {worth(campaign, scene):.0f}"
    if best.purpose != TRANSACTIONAL and scene.policy.overall.ranking is not None:
        return f"by {best.id}, as {scene.policy.overall.rank} ranks them"
    return f"by {best.id}, priority {best.priority}"


def constant(number: float) -> Callable[[Scene], float]:
    """Make the value, or propensity, that is the same for every event."""
    return lambda _scene: number


def event_value(currency: str) -> Callable[[Scene], float]:
    """Make the value that the event itself has, in minor units of this currency; 0 if it has none."""

    def value(scene: Scene) -> float:
        event = scene.event
        return max(0, event.value_minor or 0) if event.currency == currency else 0

    return value


def cart_value(currency: str) -> Callable[[Scene], float]:
    """Make the value that is the sum of the cart's lines in this currency, in minor units."""

    def value(scene: Scene) -> float:
        return sum(
            line.item.price_minor * line.item.quantity
            for line in scene.context.cart
            if line.currency == currency and line.item.price_minor is not None
        )

    return value


def trait_propensity(name: str) -> Callable[[Scene], float]:
    """Make the propensity that a trait of the customer states; 0 unless it is a number in [0, 1]."""

    def propensity(scene: Scene) -> float:
        profile = scene.context.profile
        stated = profile.traits.get(name) if profile is not None else None
        if not isinstance(stated, int | float) or isinstance(stated, bool):
            return 0.0
        return float(stated) if 0 <= stated <= 1 else 0.0

    return propensity
