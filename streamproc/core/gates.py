"""The gates a candidate must pass, each a predicate that gives its reason. Order is the order of `reasons.Gate`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from streamproc.core import caps
from streamproc.core.consent import ConsentHead, allows
from streamproc.core.context import Profile
from streamproc.core.facts import ANY_CHANNEL, MARKETING, SENSING
from streamproc.core.memory import ANYTHING, CATEGORY_HOLD_PREFIX
from streamproc.core.policy.model import Campaign, Category, Channel
from streamproc.core.quiet_hours import is_open, next_open_ms
from streamproc.core.reasons import Gate, Why
from streamproc.core.scene import Scene
from streamproc.core.switches import Switches

PRIVATE = ("intimate", "special")
NO_PROFILE = Profile()


@dataclass(frozen=True)
class Case:
    """One candidate before the gates: the scene, its campaign and category, and what the customer allows.

    `visit` is the site and local day of a sensed event, empty for others.
    """

    scene: Scene
    campaign: Campaign
    category: Category
    consent: ConsentHead
    switches: Switches
    zone: ZoneInfo | None
    visit: str

    @property
    def profile(self) -> Profile:
        """What the customer declared, empty if nothing."""
        return self.scene.context.profile or NO_PROFILE


def candidate_reasons(case: Case) -> list[Why]:
    """List every gate that fails whatever the channel."""
    return [*_running(case), *_wishes(case), *_consents(case), *_fitness(case), *_frequency(case)]


def channel_reasons(case: Case, channel: Channel) -> list[Why]:
    """List every gate that fails on this channel."""
    return [
        *_channel_open(case, channel),
        *_opt_in(case, channel),
        *_hours(case, channel),
        *_caps(case, channel),
    ]


def _running(case: Case) -> Iterator[Why]:
    """Yield why this campaign is not running at all."""
    campaign, switches = case.campaign, case.switches
    if (switch := switches.all_off()) is not None:
        yield Why(Gate.ALL_OFF, switch.reason)
    if (switch := switches.campaign_off(*campaign.names)) is not None:
        yield Why(Gate.CAMPAIGN_OFF, switch.reason)
    elif not campaign.enabled:
        yield Why(Gate.CAMPAIGN_OFF, "disabled by the policy")
    floor = case.scene.policy.overall.priority_min
    if campaign.priority < floor:
        yield Why(Gate.BELOW_FLOOR, f"priority {campaign.priority} < {floor}")


def _wishes(case: Case) -> Iterator[Why]:
    """Yield what the customer asked for, which always wins."""
    now_ms, profile, holds = case.scene.now_ms, case.profile, case.scene.context.holds
    until_ms = holds.get(ANYTHING, 0)
    if until_ms > now_ms:
        yield Why(Gate.HOLD, f"until {until_ms}", until_ms)
    if profile.paused_until_ms > now_ms:
        yield Why(Gate.PAUSED, f"until {profile.paused_until_ms}", profile.paused_until_ms)
    if case.category.name in profile.muted_categories:
        yield Why(Gate.CATEGORY_MUTED, case.category.name)
    muted_until_ms = holds.get(CATEGORY_HOLD_PREFIX + case.category.name, 0)
    if muted_until_ms > now_ms:
        yield Why(Gate.CATEGORY_MUTED, f"{case.category.name} until {muted_until_ms}", muted_until_ms)


def _consents(case: Case) -> Iterator[Why]:
    """Yield which consent beyond the channel's is missing."""
    now_ms = case.scene.now_ms
    if case.category.consent is not None:
        allowed = allows(case.consent, ANY_CHANNEL, case.category.consent, now_ms)
        if not allowed.ok:
            yield Why(Gate.SPECIAL_CATEGORY, allowed.detail)
    if case.campaign.sensed:
        allowed = allows(case.consent, ANY_CHANNEL, SENSING, now_ms)
        if not allowed.ok:
            yield Why(Gate.SENSING, allowed.detail)


def _fitness(case: Case) -> Iterator[Why]:
    """Yield why this message is not for this person at this moment."""
    profile, category, scene = case.profile, case.category, case.scene
    if category.adults_only and profile.minor is not False:
        yield Why(Gate.ADULTS_ONLY, "age unknown" if profile.minor is None else "minor")
    shared = scene.event.identity == "shared" or "device" in profile.shared
    if shared and (category.gift_prone or category.sensitivity in PRIVATE):
        yield Why(Gate.SHARED_DEVICE, category.name)
    fulfilled = scene.context.fulfilled
    if fulfilled:
        keys = [f"category/{category.name}", ANYTHING]
        if scene.item is not None:
            keys.append(f"item/{scene.item.item_id}")
        until_ms = max(fulfilled.get(key, 0) for key in keys)
        if until_ms > scene.now_ms:
            yield Why(Gate.INTENT_FULFILLED, f"until {until_ms}", until_ms)


def _frequency(case: Case) -> Iterator[Why]:
    scene, overall = case.scene, case.scene.policy.overall
    charges = scene.context.charges
    if case.campaign.sensed and overall.one_sensed_per_visit:
        sensed = sum(charge.sensed and charge.visit == case.visit for charge in charges)
        if sensed:
            yield Why(Gate.VISIT_CAP, f"{case.visit}: {sensed} of 1")
    gap = caps.gap(charges, scene.now_ms, overall.gap_min_ms)
    if gap is not None:
        yield Why(Gate.GAP, gap.detail, gap.next_at_ms)
    yield from _failed_caps(case, caps.shared_caps(scene.policy, case.campaign, case.category, case.profile))
    group = scene.policy.groups.get(case.campaign.group)
    if group is not None:
        gap = caps.group_gap(charges, group, case.campaign.names, scene.now_ms)
        if gap is not None:
            yield Why(Gate.EXCLUSIVE_GROUP, gap.detail, gap.next_at_ms)
    if caps.is_full(charges):
        yield Why(Gate.RESTRAINT_FULL, f"{len(charges)} charges of {caps.CHARGES_MAX}")


def _channel_open(case: Case, channel: Channel) -> Iterator[Why]:
    if (switch := case.switches.channel_off(channel.name)) is not None:
        yield Why(Gate.CHANNEL_OFF, f"{channel.name}: {switch.reason}")
    if channel.name in case.profile.channels_off:
        yield Why(Gate.CHANNEL_DECLINED, channel.name)


def _opt_in(case: Case, channel: Channel) -> Iterator[Why]:
    allowed = allows(case.consent, channel.name, MARKETING, case.scene.now_ms)
    if not allowed.ok:
        yield Why(Gate.NOT_OPTED_IN, f"{channel.name}: {allowed.detail}")


def _hours(case: Case, channel: Channel) -> Iterator[Why]:
    if channel.quiet is None:
        return
    if case.zone is None:
        yield Why(Gate.ZONE_UNKNOWN, f"{channel.name}: quiet hours")
    elif not is_open(channel.quiet, case.scene.now_ms, case.zone):
        opens_ms = next_open_ms(channel.quiet, case.scene.now_ms, case.zone)
        yield Why(Gate.QUIET_HOURS, f"{channel.name} opens at {opens_ms}", opens_ms)


def _caps(case: Case, channel: Channel) -> Iterator[Why]:
    yield from _failed_caps(case, caps.channel_caps(channel))


def _failed_caps(case: Case, scoped: tuple[caps.Scoped, ...]) -> Iterator[Why]:
    scene, charges = case.scene, case.scene.context.charges
    tight = caps.narrow(scoped, charges, case.zone, case.visit)
    if not tight:
        return
    for check in caps.check(tight, charges, scene.now_ms, case.zone, case.visit):
        if not check.ok:
            yield Why(Gate.FREQUENCY_CAP, check.detail, check.next_at_ms)
