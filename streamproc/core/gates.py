"""The gates a candidate must pass, each a predicate that gives its reason. Order is the order of `reasons.Gate`."""

from __future__ import annotations

from streamproc.core import caps, visits
from streamproc.core.bought import bought_until_ms, named_until_ms
from streamproc.core.case import Case
from streamproc.core.catalog import Catalog
from streamproc.core.consent import allows, is_agreed
from streamproc.core.event import VISIT_DWELLED, VISIT_KINDS, VISIT_STARTED, is_from_elsewhere
from streamproc.core.exempt import channel_allows, is_held
from streamproc.core.facts import ANY_CHANNEL, MARKETING, SENSING
from streamproc.core.known_facts import INFERRED, OTHER, THIRD_PARTY
from streamproc.core.memory import ANYTHING, CATEGORY_HOLD_PREFIX, LIFE_EVENT
from streamproc.core.policy.model import FROM_ITEM, TRANSACTIONAL, Campaign, Category, Channel, Exemption
from streamproc.core.quiet_hours import is_open, next_open_ms
from streamproc.core.reasons import Gate, Why
from streamproc.core.scene import Scene
from streamproc.core.subject import Subjects
from streamproc.core.watching import ITEM_KINDS

PRIVATE = ("intimate", "special")
# An item, the store or "", and before when nothing said of it counts (`core.catalog`).
Sold = tuple[str, str, int]
# Looking up a member of an enum costs as much as a call; these are asked for on each channel.
_CAPS, _GAP, _QUIET_HOURS = Exemption.CAPS, Exemption.GAP, Exemption.QUIET_HOURS


def is_private(category: Category) -> bool:
    """Tell whether others had better not learn of it: it is intimate or special, or may be meant as a gift."""
    return category.gift_prone or category.sensitivity in PRIVATE


def candidate_reasons(case: Case) -> list[Why]:
    """List every gate that fails whatever the channel."""
    failed: list[Why] = []
    _running(case, failed)
    _wishes(case, failed)
    _consents(case, failed)
    _sources(case, failed)
    _fitness(case, failed)
    _frequency(case, failed)
    return failed


def channel_reasons(case: Case, channel: Channel) -> list[Why]:
    """List every gate that fails on this channel."""
    failed: list[Why] = []
    _channel_open(case, channel, failed)
    _opt_in(case, channel, failed)
    _hours(case, channel, failed)
    if _CAPS not in case.campaign.exempt_from:
        name = channel.name
        heard = [charge for charge in case.scene.context.charges if charge.channel == name]
        if not caps.surely_hold(channel.caps, heard, case.zone, case.visit):
            _caps(case, caps.channel_caps(channel), failed)
    return failed


# Each gate adds to `failed` why it does: a candidate passes some thirty gates, and a generator for each would cost
# as much as most of them.


def _running(case: Case, failed: list[Why]) -> None:
    """Say why this campaign is not running at all."""
    campaign, switches = case.campaign, case.switches
    if (switch := switches.all_off()) is not None:
        failed.append(Why(Gate.ALL_OFF, switch.reason))
    if switches.states and (switch := switches.campaign_off(*campaign.names)) is not None:
        failed.append(Why(Gate.CAMPAIGN_OFF, switch.reason))
    elif not campaign.enabled:
        failed.append(Why(Gate.CAMPAIGN_OFF, "disabled by the policy"))
    if campaign.silent:
        failed.append(Why(Gate.PLUGIN_OFF, campaign.silent))
    floor = case.scene.policy.overall.priority_min
    if campaign.priority < floor:
        failed.append(Why(Gate.BELOW_FLOOR, f"priority {campaign.priority} < {floor}"))


def _wishes(case: Case, failed: list[Why]) -> None:
    """Say what the customer asked for, which always wins."""
    now_ms, profile, holds = case.scene.now_ms, case.profile, case.scene.context.holds
    if holds and is_held(until_ms := holds.get(ANYTHING, 0), case.campaign.exempt_from, now_ms):
        failed.append(Why(Gate.HOLD, f"until {until_ms}", until_ms))
    if profile.paused_until_ms > now_ms:
        failed.append(Why(Gate.PAUSED, f"until {profile.paused_until_ms}", profile.paused_until_ms))
    for subject in case.subjects.each:
        name = subject.category.name
        if name in profile.muted_categories:
            failed.append(Why(Gate.CATEGORY_MUTED, str(subject)))
        if holds and (until_ms := holds.get(CATEGORY_HOLD_PREFIX + name, 0)) > now_ms:
            failed.append(Why(Gate.CATEGORY_MUTED, f"{subject} until {until_ms}", until_ms))


def _consents(case: Case, failed: list[Why]) -> None:
    """Say which consent beyond the channel's is missing."""
    now_ms = case.scene.now_ms
    for subject in case.subjects.each:
        if (purpose := subject.category.consent) is not None:
            allowed = allows(case.consent, ANY_CHANNEL, purpose, now_ms)
            if not allowed.ok:
                via = f" ({subject.via})" if subject.via else ""
                failed.append(Why(Gate.SPECIAL_CATEGORY, allowed.detail + via))
    if case.campaign.sensed:
        allowed = allows(case.consent, ANY_CHANNEL, SENSING, now_ms)
        if not allowed.ok:
            failed.append(Why(Gate.SENSING, allowed.detail))
        elif case.scene.event.kind in VISIT_KINDS and not case.scene.visit_id:
            # The consent ended while this waited: another one since does not bring back what was forgotten.
            failed.append(Why(Gate.SENSING, "forgotten with an earlier consent"))


def _sources(case: Case, failed: list[Why]) -> None:
    """Say whose word a message must not rest on: a stranger's, or anybody's about somebody else."""
    scene, campaign = case.scene, case.campaign
    if is_from_elsewhere(scene.event):
        failed.append(Why(Gate.THIRD_PARTY, "the event is from elsewhere"))
    failed += [
        Why(Gate.THIRD_PARTY, f"{told.path} is from elsewhere")
        for told in case.subjects.told
        if told.line is not None and told.line.surface == THIRD_PARTY
    ]
    facts = case.profile.facts
    for name in campaign.known if facts else ():
        known = facts.get(name)
        if known is None:
            continue
        # Under GPC nothing that was sold or shared may be used, and of what was guessed nobody knows from what.
        if known.provenance == THIRD_PARTY or (scene.event.gpc and known.provenance == INFERRED):
            failed.append(Why(Gate.THIRD_PARTY, f"{name}: {known.provenance}"))
        if known.about == OTHER:
            failed.append(Why(Gate.ABOUT_OTHER, name))
    if campaign.purpose != TRANSACTIONAL:
        until_ms = scene.context.holds.get(LIFE_EVENT, 0)
        if until_ms > scene.now_ms:
            failed.append(Why(Gate.LIFE_EVENT, f"until {until_ms}", until_ms))


def _fitness(case: Case, failed: list[Why]) -> None:
    """Say why this message is not for this person at this moment."""
    profile, category, scene = case.profile, case.category, case.scene
    shared = scene.event.identity == "shared" or "device" in profile.shared
    for subject in case.subjects.each:
        about = subject.category
        if about.adults_only and profile.minor is not False:
            age = "age unknown" if profile.minor is None else "minor"
            failed.append(Why(Gate.ADULTS_ONLY, f"{age}: {subject}" if subject.via else age))
        if shared and is_private(about):
            failed.append(Why(Gate.SHARED_DEVICE, str(subject)))
    # A transactional message is about the order itself: that the item was bought is why it is sent.
    if scene.context.fulfilled and case.campaign.purpose != TRANSACTIONAL:
        until_ms = bought_until_ms(scene, case.campaign, category)
        if until_ms > scene.now_ms:
            failed.append(Why(Gate.INTENT_FULFILLED, f"until {until_ms}", until_ms))
        for told in case.subjects.told:
            until_ms = named_until_ms(scene, told)
            if until_ms > scene.now_ms:
                failed.append(Why(Gate.INTENT_FULFILLED, f"until {until_ms} ({told.path})", until_ms))
    if scene.catalog:
        sold = items_sold(scene, case.campaign, case.subjects)
        failed += [why for one in sold if (why := unavailable(one, scene.catalog, scene.now_ms)) is not None]
    if case.campaign.sensed and (why := _visit_over(scene)) is not None:
        failed.append(why)


def _visit_over(scene: Scene) -> Why | None:
    """Say that a visit of which a phone told late is over, if so: what is said of it is about being there."""
    if scene.event.kind not in (VISIT_STARTED, VISIT_DWELLED) or scene.timer is not None:
        return None
    ends_ms = visits.due_ms(scene.context.visit, scene.policy.overall.visits)
    if ends_ms is None or scene.now_ms < ends_ms:
        return None
    return Why(Gate.TOO_LATE, f"{scene.now_ms} >= {ends_ms}, the end of the visit")


def items_sold(scene: Scene, campaign: Campaign, subjects: Subjects) -> list[Sold]:
    """Name the items that a message is about, if it offers any: what is written of an order is not for sale.

    They are the event's, and those that facts name. News of an item are about it, whatever group of items the campaign
    is of.
    """
    event, item, sold = scene.event, scene.item, list[Sold]()
    if campaign.purpose == TRANSACTIONAL:
        return sold
    site_id, is_news = event.site_id or "", event.kind in ITEM_KINDS
    if item is not None and (is_news or campaign.category == FROM_ITEM):
        sold.append((item.item_id, site_id, event.occurred_at_ms if is_news else 0))
    for told in subjects.told:
        if told.line is not None and told.line.item.item_id not in [item_id for item_id, _, _ in sold]:
            sold.append((told.line.item.item_id, site_id, 0))
    return sold


def unavailable(about: Sold, catalog: Catalog, now_ms: int) -> Why | None:
    """Say that an item is known not to be had, if so."""
    item_id, site_id, since_ms = about
    if not catalog.is_unavailable(item_id, site_id, now_ms, since_ms):
        return None
    return Why(Gate.ITEM_UNAVAILABLE, "at this store or everywhere" if site_id else "everywhere")


def _frequency(case: Case, failed: list[Why]) -> None:
    scene, overall = case.scene, case.scene.policy.overall
    charges = scene.context.charges
    if case.campaign.sensed and overall.one_sensed_per_visit:
        sensed = sum(charge.sensed and charge.visit == case.visit for charge in charges)
        if sensed:
            failed.append(Why(Gate.VISIT_CAP, f"{case.visit or 'in no visit'}: {sensed} of 1"))
    gap = None
    if charges and _GAP not in case.campaign.exempt_from:
        gap = caps.gap(charges, scene.now_ms, overall.gap_min_ms)
    if gap is not None:
        failed.append(Why(Gate.GAP, gap.detail, gap.next_at_ms))
    held = (*case.campaign.caps, *case.category.caps, *overall.caps)
    wish = case.profile.nudges_per_week_max
    if wish is not None or not caps.surely_hold(held, charges, case.zone, case.visit):
        _caps(case, caps.shared_caps(scene.policy, case.campaign, case.category, case.profile), failed)
    group = scene.policy.groups.get(case.campaign.group)
    if group is not None:
        gap = caps.group_gap(charges, group, case.campaign.names, scene.now_ms)
        if gap is not None:
            failed.append(Why(Gate.EXCLUSIVE_GROUP, gap.detail, gap.next_at_ms))
    if caps.is_full(charges):
        failed.append(Why(Gate.RESTRAINT_FULL, f"{len(charges)} charges of {caps.CHARGES_MAX}"))


def _channel_open(case: Case, channel: Channel, failed: list[Why]) -> None:
    if (switch := case.switches.channel_off(channel.name)) is not None:
        failed.append(Why(Gate.CHANNEL_OFF, f"{channel.name}: {switch.reason}"))
    if case.unpaid and channel.name in case.unpaid:
        failed.append(Why(Gate.SPEND_CAP, case.unpaid[channel.name]))
    if channel.name in case.profile.channels_off:
        failed.append(Why(Gate.CHANNEL_DECLINED, channel.name))


def _opt_in(case: Case, channel: Channel, failed: list[Why]) -> None:
    campaign, head, now_ms = case.campaign, case.consent, case.scene.now_ms
    if campaign.purpose != TRANSACTIONAL and is_agreed(head, channel.name, MARKETING, now_ms):
        return
    allowed = channel_allows(head, channel.name, campaign.purpose, campaign.exempt_from, now_ms)
    if not allowed.ok:
        failed.append(Why(Gate.NOT_OPTED_IN, f"{channel.name}: {allowed.detail}"))


def _hours(case: Case, channel: Channel, failed: list[Why]) -> None:
    if channel.quiet is None or _QUIET_HOURS in case.campaign.exempt_from:
        return
    if case.zone is None:
        failed.append(Why(Gate.ZONE_UNKNOWN, f"{channel.name}: quiet hours"))
    elif not is_open(channel.quiet, case.scene.now_ms, case.zone):
        opens_ms = next_open_ms(channel.quiet, case.scene.now_ms, case.zone)
        failed.append(Why(Gate.QUIET_HOURS, f"{channel.name} opens at {opens_ms}", opens_ms))


def _caps(case: Case, scoped: tuple[caps.Scoped, ...], failed: list[Why]) -> None:
    scene, charges = case.scene, case.scene.context.charges
    tight = caps.narrow(scoped, charges, scene.now_ms, case.zone, case.visit)
    if not tight:
        return
    checks = caps.check(tight, charges, scene.now_ms, case.zone, case.visit)
    failed += [Why(Gate.FREQUENCY_CAP, one.detail, one.next_at_ms) for one in checks if not one.ok]
