"""How often we may speak: the caps over one candidate, counted from the charges that the customer's memory
holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from streamproc.core.cap_check import CapCheck, Gap, Matches, Scoped
from streamproc.core.context import CHARGES_MAX, Charge
from streamproc.core.policy.model import Campaign, Cap, Category, Channel, Exemption, Group, Period, Policy
from streamproc.core.zones import next_period_ms, period_start_ms

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from streamproc.core.context import Profile

__all__ = [
    "CHARGES_MAX",
    "CapCheck",
    "Gap",
    "Scoped",
    "caps_over",
    "channel_caps",
    "check",
    "expire",
    "gap",
    "group_gap",
    "is_full",
    "narrow",
    "shared_caps",
    "surely_hold",
]

_MINUTE_MS: Final = 60_000
_DAY_MS: Final = 86_400_000
_WEEK_MS: Final = 7 * _DAY_MS
_EVER_MS: Final = 2**63
_VISIT: Final = Period.VISIT
# No local day, week or month is longer, whatever its clocks did.
_PERIOD_MS_MAX: Final = {Period.DAY: 2 * _DAY_MS, Period.WEEK: 8 * _DAY_MS, Period.MONTH: 32 * _DAY_MS}


def channel_caps(channel: Channel) -> tuple[Scoped, ...]:
    """Return the caps of one channel, in the policy's order."""
    name = channel.name
    return _scoped("channel", name, channel.caps, lambda charge: charge.counts and charge.channel == name)


def shared_caps(
    policy: Policy, campaign: Campaign, category: Category, profile: Profile
) -> tuple[Scoped, ...]:
    """Return the caps that hold whatever the channel: campaign, category, overall, and the customer's own pace.

    A campaign's own cap counts all that it was charged, the others what counts for others.
    """
    names, wish = campaign.names, profile.nudges_per_week_max
    wished = () if wish is None else (Cap(max=wish, rolling_ms=_WEEK_MS, text="7 d rolling"),)
    own = _scoped("campaign", campaign.id, campaign.caps, lambda charge: charge.campaign in names)
    pace = _scoped("customer", "", wished, _counts)
    if Exemption.CAPS in campaign.exempt_from:
        return (*own, *pace)
    about = category.name
    in_category = _scoped(
        "category", about, category.caps, lambda charge: charge.counts and charge.category == about
    )
    return (*own, *in_category, *_scoped("overall", "", policy.overall.caps, _counts), *pace)


def caps_over(
    policy: Policy, campaign: Campaign, category: Category, profile: Profile, channel: Channel
) -> tuple[Scoped, ...]:
    """Return all caps over a nudge of this campaign on this channel."""
    shared = shared_caps(policy, campaign, category, profile)
    return shared if Exemption.CAPS in campaign.exempt_from else channel_caps(channel) + shared


def check(
    scoped: Sequence[Scoped], charges: Sequence[Charge], now_ms: int, zone: ZoneInfo | None, visit: str
) -> list[CapCheck]:
    """Count, for each cap in turn, the distinct nudges charged in its window ending now.

    A rolling window is (now - length, now], a calendar one the local period of now, a visit the charges of
    the same `visit`. A charge later than now, which only clocks that disagree can cause, counts as inside. A
    calendar cap fails where the zone is unknown, a visit's where there is no visit (`visit` is empty): such a
    window cannot be told.
    """
    begins_ms: dict[Period, int] = {}
    if zone is not None:
        begins_ms = {
            period: period_start_ms(now_ms, zone, period)
            for period in {one.cap.per for one in scoped if charges and one.cap.per is not None}
            if period is not _VISIT
        }
    return [_check(one, charges, now_ms, zone, visit, begins_ms) for one in scoped]


def narrow(
    scoped: Sequence[Scoped], charges: Sequence[Charge], now_ms: int, zone: ZoneInfo | None, visit: str
) -> list[Scoped]:
    """Return the caps that may fail, for `check` to tell.

    The others hold, because fewer charges than they allow are remembered that could lie in their window. That is
    nearly always nearly all of them, and costs a tenth of a check.
    """
    tight: list[Scoped] = []
    remembered = len(charges)
    for one in scoped:
        cap = one.cap
        if cap.per is not None and _what_is_unknown(cap, zone, visit):
            tight.append(one)
        elif remembered >= cap.max:
            matches, since_ms, near = one.matches, now_ms - _length_ms_max(cap), 0
            for charge in charges:
                if charge.at_ms > since_ms and matches(charge):
                    near += 1
            if near >= cap.max:
                tight.append(one)
    return tight


def _length_ms_max(cap: Cap) -> int:
    """Return how long a cap's window can be at most; nothing is older than that of one for ever."""
    length_ms = cap.rolling_ms if cap.per is None else _PERIOD_MS_MAX.get(cap.per)
    return length_ms or _EVER_MS


def surely_hold(held: Sequence[Cap], charges: Sequence[Charge], zone: ZoneInfo | None, visit: str) -> bool:
    """Tell at a glance that these caps hold, whichever of these charges each of them counts.

    It says no where one may fail; `narrow` and `check` then tell. For a customer who hardly ever hears from us it
    saves making the list that they look at.
    """
    remembered = len(charges)
    for cap in held:
        if remembered >= cap.max or (cap.per is not None and _what_is_unknown(cap, zone, visit)):
            return False
    return True


def gap(charges: Iterable[Charge], now_ms: int, gap_min_ms: int) -> Gap | None:
    """Return None if the last nudge is at least `gap_min_ms` old, else when it will be."""
    last_ms = -_EVER_MS
    for charge in charges:
        if charge.counts and charge.at_ms > last_ms:
            last_ms = charge.at_ms
    if now_ms - last_ms >= gap_min_ms:
        return None
    minutes = max(0, now_ms - last_ms) // _MINUTE_MS
    return Gap(f"{minutes} min of {gap_min_ms // _MINUTE_MS} min since the last", last_ms + gap_min_ms)


def group_gap(charges: Iterable[Charge], group: Group, names: Sequence[str], now_ms: int) -> Gap | None:
    """Return None if no other campaign of the group spoke in the window ending now, else when its window ends.

    `names` are those of the campaign that asks. The window is (now - length, now], as that of a rolling cap.
    """
    last = max(
        (charge for charge in charges if charge.group == group.name and charge.campaign not in names),
        key=lambda charge: charge.at_ms,
        default=None,
    )
    if last is None or now_ms - last.at_ms >= group.window_ms:
        return None
    minutes = max(0, now_ms - last.at_ms) // _MINUTE_MS
    detail = f"{group.name}: {minutes} min of {group.window_ms // _MINUTE_MS} min since {last.campaign}"
    return Gap(detail, last.at_ms + group.window_ms)


def expire(charges: list[Charge], now_ms: int) -> list[Charge]:
    """Return the charges whose `until_ms` is still to come. None goes earlier, however many there are."""
    return [charge for charge in charges if charge.until_ms > now_ms]


def is_full(charges: Sequence[Charge]) -> bool:
    """Tell whether memory holds no further charge. The answer to that is silence: dropping one would lift a
    cap.
    """
    return len(charges) >= CHARGES_MAX


def _scoped(scope: str, name: str, caps: Iterable[Cap], matches: Matches) -> tuple[Scoped, ...]:
    return tuple([Scoped(scope, name, cap, matches) for cap in caps])


def _counts(charge: Charge) -> bool:
    return charge.counts


def _check(
    scoped: Scoped,
    charges: Sequence[Charge],
    now_ms: int,
    zone: ZoneInfo | None,
    visit: str,
    begins_ms: dict[Period, int],
) -> CapCheck:
    cap, matches = scoped.cap, scoped.matches
    unknown = _what_is_unknown(cap, zone, visit)
    # Where the window cannot be told, all that is remembered is the number to show.
    inside = charges if unknown or not charges else _inside(cap, charges, now_ms, visit, begins_ms)
    # A nudge that was charged twice, by a merge of identities, is one nudge; it leaves with its later charge.
    last: dict[bytes, int] = {}
    for charge in inside:
        if matches(charge):
            last[charge.nudge_id] = max(charge.at_ms, last.get(charge.nudge_id, charge.at_ms))
    used = len(last)
    ok = used < cap.max and not unknown
    return CapCheck(
        scope=f"{scoped.scope}/{scoped.name}" if scoped.name else scoped.scope,
        window=cap.text,
        used=used,
        max=cap.max,
        next_at_ms=None if ok or unknown else _next_at_ms(cap, sorted(last.values()), now_ms, zone),
        ok=ok,
        unknown=unknown,
    )


def _what_is_unknown(cap: Cap, zone: ZoneInfo | None, visit: str) -> str:
    if cap.per is None:
        return ""
    if cap.per is _VISIT:
        return "" if visit else "no visit"
    return "zone unknown" if zone is None else ""


def _inside(
    cap: Cap, charges: Sequence[Charge], now_ms: int, visit: str, begins_ms: dict[Period, int]
) -> Sequence[Charge]:
    if cap.ever:
        return charges
    if cap.rolling_ms is not None:
        since_ms = now_ms - cap.rolling_ms
        return [charge for charge in charges if charge.at_ms > since_ms]
    assert cap.per is not None, "a cap has exactly one window"
    if cap.per is _VISIT:
        return [charge for charge in charges if charge.visit == visit]
    since_ms = begins_ms[cap.per]
    return [charge for charge in charges if charge.at_ms >= since_ms]


def _next_at_ms(cap: Cap, at_ms: list[int], now_ms: int, zone: ZoneInfo | None) -> int | None:
    """Return when enough of these nudges, oldest first, have left the window for one more to fit."""
    if cap.max < 1 or cap.ever or cap.per is _VISIT:
        return None
    last_to_leave_ms = at_ms[len(at_ms) - cap.max]
    if cap.rolling_ms is not None:
        return last_to_leave_ms + cap.rolling_ms
    assert cap.per is not None and zone is not None, "a calendar cap is counted in a zone"  # noqa: PT018
    return next_period_ms(max(now_ms, last_to_leave_ms), zone, cap.per)
