"""More restraint never says more (I10), and every nudge is charged, known and within the caps of its moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace

from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.context import Charge, Profile
from streamproc.core.policy.loader import index_by_kind
from streamproc.core.policy.model import Cap, Exemption, Policy, Quiet
from streamproc.core.stored_context import decode_context, encode_context
from tests.core.bazaar import bazaar
from tests.core.shopper import ALLOWED, DAY_MS, HOUR_MS, MINUTE_MS, NOON_MS, Said, Shopper, shop
from tests.laws.recorded_day import policy as recorded

LADDER = ("push", "email", "in_app")
CONSENTS = (*ALLOWED, ("*", "sensing"), ("*", "category/pregnancy"))
SWITCHES = (
    "all",
    *(f"channel/{name}" for name in LADDER),
    *(f"campaign/{name}" for name in ("look", "peek", "wish", "welcome", "ordered")),
)
CATEGORIES = ("coats", "toys", "wine", "maternity", "unheard of")


def shipped() -> Policy:
    """Return the policy that ships, made eager so that there is something to restrain."""
    return recorded(eager=True)


policies = st.sampled_from([shop, bazaar, shipped])
minutes = st.integers(0, 40 * 60)
act = st.tuples(
    st.sampled_from(["views", "wishes", "dwells", "searches", "orders", "refunds", "complains", "mutes"]),
    st.sampled_from(["a", "b"]),
    st.sampled_from(CATEGORIES),
    minutes,
)
acts = st.lists(act, max_size=8)


def perform(shopper: Shopper, step: tuple[str, str, str, int]) -> Said:
    what, item, category, later = step
    shopper.now_ms += later * MINUTE_MS
    match what:
        case "views":
            return shopper.views(f"{category} {item}", category)
        case "wishes":
            return shopper.does("wishlist.added", f"{category} {item}", category)
        case "dwells":
            return shopper.stays()
        case "searches":
            return shopper.does("search.performed")
        case "orders":
            return shopper.does("order.completed", f"{category} {item}", category)
        case "refunds":
            return shopper.does("order.refunded", f"{category} {item}", category)
        case "complains":
            return shopper.answers("complained")
        case _:
            return shopper.demands("export")


@dataclass(frozen=True)
class Restraint:
    """How a customer's state is made to restrain more."""

    withdrawn: frozenset[tuple[str, str]]
    off: frozenset[str]
    fewer: int
    wider_ms: int
    floor: int
    shut: bool
    muted: frozenset[str]
    declined: frozenset[str]
    pace: int | None
    held: bool
    minor: bool
    shared: bool
    held_out: float
    in_shadow: frozenset[str]
    longer_ms: int
    obeying: frozenset[str]


restraints = st.builds(
    Restraint,
    withdrawn=st.frozensets(st.sampled_from(CONSENTS), max_size=3),
    off=st.frozensets(st.sampled_from(SWITCHES), max_size=2),
    fewer=st.integers(0, 2),
    wider_ms=st.sampled_from([0, HOUR_MS, DAY_MS]),
    floor=st.sampled_from([0, 0, 30]),
    shut=st.booleans(),
    muted=st.frozensets(st.sampled_from(["coats", "toys", "default"]), max_size=1),
    declined=st.frozensets(st.sampled_from(LADDER), max_size=2),
    pace=st.sampled_from([None, None, 0, 1, 2]),
    held=st.sampled_from([False, False, True]),
    minor=st.booleans(),
    shared=st.booleans(),
    held_out=st.sampled_from([0.0, 0.0, 0.5, 1.0]),
    in_shadow=st.frozensets(st.sampled_from(["look", "look_held", "wish", "ordered"]), max_size=2),
    longer_ms=st.sampled_from([0, DAY_MS, 9 * DAY_MS]),
    obeying=st.frozensets(st.sampled_from(list(Exemption))),
)


def tightened(policy: Policy, restraint: Restraint) -> Policy:
    def lower(caps: tuple[Cap, ...]) -> tuple[Cap, ...]:
        return tuple(replace(cap, max=max(0, cap.max - restraint.fewer)) for cap in caps)

    channels = {
        name: replace(
            one, caps=lower(one.caps), quiet=Quiet(12 * 60, 13 * 60) if restraint.shut else one.quiet
        )
        for name, one in policy.channels.items()
    }
    overall = replace(
        policy.overall,
        caps=lower(policy.overall.caps),
        gap_min_ms=policy.overall.gap_min_ms + restraint.wider_ms,
        priority_min=policy.overall.priority_min + restraint.floor,
        holdout_ratio=max(policy.overall.holdout_ratio, restraint.held_out),
    )
    campaigns = {
        name: replace(
            one,
            caps=lower(one.caps),
            shadow=one.shadow or name in restraint.in_shadow,
            exempt_from=one.exempt_from - restraint.obeying,
            holdout_ratio=max(one.holdout_ratio, restraint.held_out)
            if name == "look_held"
            else one.holdout_ratio,
        )
        for name, one in policy.campaigns.items()
    }
    return replace(
        policy,
        channels=channels,
        overall=overall,
        campaigns=campaigns,
        by_kind=index_by_kind(campaigns),
        groups={
            name: replace(one, window_ms=one.window_ms + restraint.longer_ms)
            for name, one in policy.groups.items()
        },
    )


def restrained(shopper: Shopper, restraint: Restraint) -> Shopper:
    """Return the same customer at the same moment, restrained further."""
    other = copy(shopper)
    other.offsets = dict(shopper.offsets)
    other.customer = copy(shopper.customer)
    if shopper.customer.context is not None:
        other.customer.context = context = decode_context(encode_context(shopper.customer.context))
        profile = context.profile = context.profile or Profile()
        profile.muted_categories += tuple(restraint.muted)
        profile.channels_off += tuple(restraint.declined)
        profile.nudges_per_week_max = restraint.pace
        profile.minor = True if restraint.minor else profile.minor
        profile.shared += ("device",) if restraint.shared else ()
        if restraint.held:
            context.holds["*"] = NOON_MS + 900 * DAY_MS
    other.rules = replace(shopper.rules, policy=tightened(shopper.rules.policy, restraint))
    for key in restraint.off:
        other.switch(key)
    for channel, purpose in restraint.withdrawn:
        other.consents(channel, purpose, "withdrawn")
    other.offsets = dict(shopper.offsets)
    return other


def loudness(said: Said) -> dict[str, tuple[int, bool]]:
    """Say how loud each candidate that passed its own gates is: its channel from the quiet end, and its words.

    One that is outranked is not weighed, so it might have been as loud as it is written.
    """
    return {
        one.campaign: (-LADDER.index(one.channel), one.creep is None or one.creep.rung == "send")
        for one in said.candidates
        if one.verdict in ("nudged", "outranked", "held_out", "shadow")
    }


def grown(history: list[tuple[str, str, str, int]], policy: Policy | None = None) -> Shopper:
    shopper = Shopper.opted_in(policy)
    shopper.consents("*", "sensing")
    shopper.consents("*", "category/pregnancy")
    for step in history:
        perform(shopper, step)
    return shopper


@given(policies, acts, act, restraints)
def test_more_restraint_never_turns_silence_into_a_nudge_nor_makes_a_candidate_louder(
    policy: Callable[[], Policy],
    history: list[tuple[str, str, str, int]],
    last: tuple[str, str, str, int],
    restraint: Restraint,
) -> None:
    shopper = grown(history, policy())
    other = restrained(shopper, restraint)
    said, said_restrained = perform(shopper, last), perform(other, last)
    if said.nudge is None:
        assert said_restrained.nudge is None
    before, after = loudness(said), loudness(said_restrained)
    assert after.keys() <= before.keys()
    assert all(after[name] <= before[name] for name in after)


@given(policies, acts)
def test_a_nudge_and_its_charge_come_together_and_no_event_causes_two(
    policy: Callable[[], Policy], history: list[tuple[str, str, str, int]]
) -> None:
    shopper = Shopper.opted_in(policy())
    nudges: Counter[str] = Counter()
    for step in history:
        charges = charged(shopper)
        said = perform(shopper, step)
        verdicts = [one.verdict for one in said.candidates]
        assert (said.nudge is not None) == ("nudged" in verdicts)
        assert verdicts.count("nudged") <= 1
        if said.nudge is None:
            assert {one.nudge_id for one in charged(shopper)} <= {one.nudge_id for one in charges}
        else:
            nudges[said.nudge.event_id] += 1
            assert shopper.customer.context is not None
            last = shopper.customer.context.charges[-1]
            assert last.nudge_id.hex() == said.nudge.nudge_id
            assert all(cap.used <= cap.max for cap in said.nudge.caps)
    assert set(nudges.values()) <= {1}


def charged(shopper: Shopper) -> list[Charge]:
    return [] if shopper.customer.context is None else shopper.customer.context.charges


@given(policies, acts, act, st.sampled_from([*ALLOWED[1:], ALLOWED[0]]))
def test_nothing_is_ever_said_on_a_channel_without_consent(
    policy: Callable[[], Policy],
    history: list[tuple[str, str, str, int]],
    last: tuple[str, str, str, int],
    gone: tuple[str, str],
) -> None:
    shopper = grown(history, policy())
    shopper.consents(*gone, state="withdrawn")
    said = perform(shopper, last)
    is_exempt = said.nudge is not None and said.nudge.campaign == "refunded" and gone[0] != "*"
    assert said.channel is None or gone[0] not in ("*", said.channel) or is_exempt


def test_the_bazaar_has_a_candidate_of_every_verdict_to_judge() -> None:
    said = [
        perform(grown([], bazaar()), (what, "a", "coats", 0))
        for what in ("views", "wishes", "orders", "refunds")
    ]
    verdicts = {one.campaign: one.verdict for each in said for one in each.candidates}
    assert verdicts == {
        "look_shadow": "shadow",
        "look_held": "held_out",
        "look": "nudged",
        "wish_shadow": "shadow",
        "wish": "nudged",
        "wish_more": "outranked",
        "ordered": "nudged",
        "upsell": "suppressed",
        "refunded": "nudged",
    }


def test_the_law_has_nudges_to_judge() -> None:
    said = [perform(grown([]), (what, "a", "coats", 0)) for what in ("views", "wishes", "dwells", "searches")]
    assert [one.nudge is not None for one in said] == [True] * 4


def test_the_policy_that_ships_has_nudges_to_judge() -> None:
    said = [perform(grown([], shipped()), (what, "a", "coats", 0)) for what in ("views", "wishes")]
    assert [one.nudge is not None for one in said] == [True] * 2
