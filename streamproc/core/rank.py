"""Who speaks first: the order in which the candidates of one event are tried.

It is all that a campaign's benefit to the retailer decides. No gate reads it, so it never lets anybody speak who
could not speak alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from streamproc.core.plugin_view import Contender
from streamproc.core.policy.model import FROM_ITEM, TRANSACTIONAL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streamproc.core.plugins import Ranking
    from streamproc.core.policy.model import Campaign
    from streamproc.core.scene import Scene

BY_PRIORITY, BY_VALUE = "priority", "value"
_LAST: Final = float("-inf")
RANKINGS: Final = (BY_PRIORITY, BY_VALUE)


class Found(msgspec.Struct, frozen=True, gc=False):
    """The campaigns whose trigger and conditions are true on one occasion, in the policy's order, and the scene.

    `waiting` are those that begin to wait.
    """

    scene: Scene
    campaigns: Sequence[Campaign]
    waiting: Sequence[Campaign] = ()


# A candidate: a campaign, and the scene it was found in.
Contestant = tuple["Scene", "Campaign"]


def rank(found: Sequence[Found]) -> Sequence[Contestant]:
    """Order the candidates of all occasions, the best first; those of equal rank in the order of their occasions.

    The policy's order is by priority, then by name. By value, the one whose `worth` is greater goes first, and those of
    equal worth stay in the policy's order. A plug-in's ranking goes by its scores; whom it does not name comes last.
    What is transactional goes before all marketing.
    """
    contestants = [(one.scene, campaign) for one in found for campaign in one.campaigns]
    if len(contestants) <= 1:
        return contestants
    if len(found) > 1:
        contestants.sort(key=lambda one: policy_order(one[1]))
    overall = found[0].scene.policy.overall
    if overall.rank == BY_PRIORITY:
        return contestants
    if overall.ranking is not None:
        scores = _scores(found, overall.ranking)
        return sorted(
            contestants, key=lambda one: (not _is_service(one), -scores[id(one[0])].get(one[1].id, _LAST))
        )
    return sorted(contestants, key=lambda one: (not _is_service(one), -worth(one[1], one[0])))


def policy_order(campaign: Campaign) -> tuple[bool, int, str]:
    """Return what a policy sorts its campaigns by: what is transactional first, then by priority, then by name."""
    return campaign.purpose != TRANSACTIONAL, -campaign.priority, campaign.id


def _is_service(one: Contestant) -> bool:
    return one[1].purpose == TRANSACTIONAL


def _scores(found: Sequence[Found], ranking: Ranking) -> Mapping[int, Mapping[str, float]]:
    """Ask a plug-in for the scores of each scene's candidates, by the scene's identity."""
    return {
        id(one.scene): ranking.scores(one.scene, [_contender(each, one.scene) for each in one.campaigns])
        for one in found
    }


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


def outranked_by(first: Contestant, other: Contestant) -> str:
    """Say why one candidate goes before another, with the numbers compared."""
    (best_scene, best), (scene, campaign) = first, other
    if best.purpose != campaign.purpose:
        return f"by {best.id}, which is {best.purpose}"
    if best.purpose != TRANSACTIONAL and scene.policy.overall.rank == BY_VALUE:
        return f"by {best.id}, worth {worth(best, best_scene):.0f} >= {worth(campaign, scene):.0f}"
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
