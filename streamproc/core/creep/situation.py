"""What a message would be to its customer at this moment: the factors, derived from facts, channel, context and event.

No campaign types one in. What is the same for all channels and words is looked at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamproc.core.bought import bought_until_ms, named_until_ms
from streamproc.core.creep.factors import Factors
from streamproc.core.memory import BOUNCED_PREFIX, GIFT_PREFIX, LIFE_EVENT
from streamproc.core.policy.model import NO_CATEGORY
from streamproc.core.zones import minute_of_day

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

    from streamproc.core.case import Case
    from streamproc.core.creep.model import Scales
    from streamproc.core.policy.model import Category, Channel, Ground, Quiet, Text

_DAY_MIN: Final = 24 * 60
DECLARED: Final = "declared"
SENSED: Final = "sensed"
THIRD_PARTY: Final = "third_party"
SHARED_DEVICE, SHARED_MAILBOX = "shared_device", "shared_mailbox"
# Where a message appears that is on the surface on which a fact was seen.
_AT_HOME: Final = {"web": "site", "app": "app", "store": "store", "email": "mailbox"}
# What several people use of a device that they share.
_OF_DEVICE: Final = frozenset({"app", "phone", "site"})


class Situation:
    """One candidate at one moment; `factors` tells them for a channel and words."""

    __slots__ = (
        "_case",
        "_grounds",
        "_immediacy",
        "_invalidity",
        "_repetition",
        "_scales",
        "_sensitivities",
        "_sensitivity",
    )

    def __init__(self, case: Case) -> None:
        """Look at all that does not hang on channel or words."""
        scales = self._scales = case.scene.policy.creep.scales
        self._case = case
        self._grounds = _seen(case.campaign.grounds, case, scales)
        self._repetition = _repetition(case, scales)
        self._invalidity = _invalidity(case, scales)
        self._immediacy = _immediacy(case, scales) if case.campaign.sensed else 0.0
        self._sensitivity = _sensitivity(case.category, scales)
        for name in case.campaign.about.categories:
            category = case.scene.policy.categories[name]
            self._sensitivity = max(self._sensitivity, _sensitivity(category, scales))
        self._sensitivities = [(one.fact, _sensitivity(one.category, scales)) for one in case.subjects.told]

    def factors(self, channel: Channel, text: Text) -> Factors:
        """Return the factors of a message of these words, as written, on this channel.

        Soft words are sent because of the same facts: `factors.softened` says what they change.
        """
        case, scales = self._case, self._scales
        scene, campaign = case.scene, case.campaign
        grounds = self._grounds
        if text.grounds:
            grounds = grounds + _seen(text.grounds, case, scales)
        provenance = distance = 0.0
        oldest_ms = scene.now_ms
        for source, at_ms, surface in grounds:
            provenance = max(provenance, scales.provenance[source])
            oldest_ms = min(oldest_ms, at_ms)
            if source != DECLARED:
                far = _distance(scales, source, surface, channel.surface, scene.now_ms - at_ms)
                if campaign.sensed and source != SENSED and surface:
                    # What was seen at home is used in the store, wherever it appears.
                    far = max(far, scales.distance["to_store"])
                distance = max(distance, far)
        sensitivity = self._sensitivity
        for fact, private in self._sensitivities:
            if private > sensitivity and fact in text.uses:
                sensitivity = private
        specificity = max(scales.specificity[text.specificity], scales.specificity[campaign.reveals])
        return Factors(
            obtrusiveness=channel.obtrusiveness,
            provenance=provenance,
            context_distance=distance,
            specificity=specificity,
            immediacy=self._immediacy,
            opacity=text.opacity,
            repetition=self._repetition,
            staleness=1.0 - 2.0 ** ((oldest_ms - scene.now_ms) / scales.stale_ms),
            exposure=_exposure(case, channel, scales),
            untimeliness=untimeliness(channel.quiet, scene.now_ms, case.zone, scales),
            invalidity=self._invalidity,
            sensitivity=sensitivity,
        )


def _seen(grounds: Iterable[Ground], case: Case, scales: Scales) -> list[tuple[str, int, str]]:
    """Return the source, time and surface of each thing that the message rests on and that is known."""
    found: list[tuple[str, int, str]] = []
    scene = case.scene
    for ground in grounds:
        seen = ground.seen(scene) if ground.seen is not None else None
        if seen is None:
            # Of a condition that holds it is known what it tells of, and not when or where that was.
            if ground.seen is None:
                found.append((ground.provenance, scene.now_ms, ""))
            continue
        source = seen.provenance or ground.provenance
        if seen.surface == THIRD_PARTY:
            source = THIRD_PARTY
        assert source in scales.provenance, f"{source} is no provenance"
        found.append((source, seen.at_ms, seen.surface))
    return found


def _distance(scales: Scales, source: str, surface: str, target: str, age_ms: int) -> float:
    """Return how far a fact travels from where it was seen; an unknown surface counts as another one online."""
    far = scales.distance
    if source == THIRD_PARTY:
        return far["third_party"]
    if not surface:
        return 0.0
    if _AT_HOME.get(surface) == target:
        return far["same_session"] if age_ms <= scales.session_ms else far["same_surface"]
    if target == "mailbox" or surface == "email":
        return far["to_mailbox"]
    if target == "store" or surface == "store":
        return far["to_store"]
    return far["app_to_site"]


def _sensitivity(category: Category, scales: Scales) -> float:
    """Return how private a category is."""
    gift = scales.sensitivity["gift_prone"] if category.gift_prone else 0.0
    return max(scales.sensitivity[category.sensitivity], gift)


def _repetition(case: Case, scales: Scales) -> float:
    """Return how often the customer heard of this lately; of what is about no category, from this campaign."""
    scene, name, campaign = case.scene, case.category.name, case.campaign.key
    heard: float = 0.0
    for charge in scene.context.charges:
        same = charge.category == name if name != NO_CATEGORY else charge.campaign == campaign
        if same and charge.counts:
            heard += 2.0 ** (min(0, charge.at_ms - scene.now_ms) / scales.repeated_ms)
    forgotten: float = 2.0 ** (-heard / 2)
    return 1.0 - forgotten


def _immediacy(case: Case, scales: Scales) -> float:
    """Return how near the moment is in which a beacon heard the customer."""
    scene = case.scene
    at_ms = scene.event.occurred_at_ms
    if not scene.event.site_id and scene.context.visit is not None:
        at_ms = scene.context.visit.last_ms
    now: float = 2.0 ** (min(0, at_ms - scene.now_ms) / scales.immediate_ms)
    expected = case.profile.traits.get(scales.expected_trait)
    return now * scales.expected if expected is True else now


def _invalidity(case: Case, scales: Scales) -> float:
    """Return how likely it is that the wish is gone."""
    scene = case.scene
    now_ms, fulfilled, name = scene.now_ms, scene.context.fulfilled, case.category.name
    gone = 0.0
    if scene.context.holds.get(LIFE_EVENT, 0) > now_ms:
        gone = scales.invalidity["life_event"]
    if not fulfilled:
        return gone
    bought_ms = bought_until_ms(scene, case.campaign, case.category)
    for told in case.subjects.told:
        bought_ms = max(bought_ms, named_until_ms(scene, told))
    if bought_ms > now_ms:
        gone = max(gone, scales.invalidity["bought"])
    if fulfilled.get(GIFT_PREFIX + name, 0) > now_ms:
        gone = max(gone, scales.invalidity["gift"])
    if fulfilled.get(BOUNCED_PREFIX + name, 0) > now_ms:
        gone = max(gone, scales.invalidity["bounced"])
    return gone


def _exposure(case: Case, channel: Channel, scales: Scales) -> float:
    """Return how many other eyes may see it: the channel's own exposure, or that of what several people use."""
    exposure, shared = channel.exposure, case.profile.shared
    if channel.surface in _OF_DEVICE and (case.scene.event.identity == "shared" or "device" in shared):
        exposure = max(exposure, scales.exposure[SHARED_DEVICE])
    if channel.surface == "mailbox" and "mailbox" in shared:
        exposure = max(exposure, scales.exposure[SHARED_MAILBOX])
    return exposure


def untimeliness(quiet: Quiet | None, now_ms: int, zone: ZoneInfo | None, scales: Scales) -> float:
    """Return how close to its channel's quiet hours a message comes: 0 in calm hours, 1 at their edge.

    It is 1 where the zone is not known. A channel for which any hour will do has no edge.
    """
    if zone is None:
        return 1.0
    if quiet is None:
        return 0.0
    minute = minute_of_day(now_ms, zone)
    calm = (scales.calm_until_min - scales.calm_from_min) % _DAY_MIN
    if (minute - scales.calm_from_min) % _DAY_MIN < calm:
        return 0.0
    late, room = (
        (minute - scales.calm_until_min) % _DAY_MIN,
        (quiet.close_min - scales.calm_until_min) % _DAY_MIN,
    )
    early, before = (
        (scales.calm_from_min - minute) % _DAY_MIN,
        (scales.calm_from_min - quiet.open_min) % _DAY_MIN,
    )
    edges = [way / whole for way, whole in ((late, room), (early, before)) if way <= whole and whole]
    return min(1.0, *edges) if edges else 1.0
