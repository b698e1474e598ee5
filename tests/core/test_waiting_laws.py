"""Laws of waiting, over any order of arrival."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy

from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.context import TIMERS_MAX
from streamproc.core.receipt import Counted
from tests.core.shopper import HOUR_MS, MINUTE_MS, NOON_MS, Said, Shopper
from tests.core.test_decide_laws import Restraint, restrained, restraints
from tests.core.test_waiting import NIGHT_MS, patient

ENDINGS = ("order.completed", "cart.item_removed")
ITEMS = (("coat-1", "coats"), ("toy-1", "toys"), ("wine-1", "wine"))
minutes = st.integers(0, 29)
adds = st.tuples(st.just("cart.item_added"), minutes, st.sampled_from(ITEMS))
endings = st.tuples(st.sampled_from(ENDINGS), minutes, st.sampled_from(ITEMS))
others = st.tuples(
    st.sampled_from(["product.viewed", "wishlist.added", "search.performed"]), minutes, st.sampled_from(ITEMS)
)
Happening = tuple[str, int, tuple[str, str]]


def happens(shopper: Shopper, one: Happening, name: str) -> Said:
    kind, minute, (item, category) = one
    at_ms = NOON_MS + minute * MINUTE_MS
    return shopper.does(kind, item, category, event_id=name, occurred_at_ms=at_ms)


@given(
    st.data(),
    st.lists(adds, min_size=1, max_size=3),
    st.lists(endings, min_size=1, max_size=2),
    st.lists(others),
)
def test_a_cancelled_timer_never_speaks_whatever_the_order_of_arrival(
    data: st.DataObject, added: list[Happening], ended: list[Happening], rest: list[Happening]
) -> None:
    shopper = Shopper.opted_in(patient())
    shopper.now_ms += 30 * MINUTE_MS
    for place, one in enumerate(data.draw(st.permutations([*added, *ended, *rest]))):
        happens(shopper, one, f"x-{place}")
    assert shopper.customer.context is not None
    shopper.customer.context.charges = []
    is_over = max(minute for _, minute, _ in ended) >= max(minute for _, minute, _ in added)
    baskets = [one for one in shopper.wakes(30 * MINUTE_MS).candidates if one.campaign == "basket"]
    assert [one.verdict for one in baskets if one.verdict == "nudged"] == [] or not is_over
    if is_over:
        assert baskets == []


steps = st.one_of(
    st.tuples(st.just("happens"), adds | endings | others),
    st.tuples(st.just("wakes"), st.sampled_from([0, MINUTE_MS, 30 * MINUTE_MS, HOUR_MS, NIGHT_MS])),
    st.tuples(st.just("again"), st.just(0)),
    st.tuples(st.just("back"), st.just(HOUR_MS)),
)


@given(st.lists(steps, max_size=30))
def test_a_timer_fires_at_most_once_and_memory_stays_bounded(acts: list[tuple[str, object]]) -> None:
    shopper = Shopper.opted_in(patient())
    said: Counter[str] = Counter()
    for place, (act, what) in enumerate(acts):
        if act == "happens":
            assert isinstance(what, tuple)
            kind, _, (item, category) = what
            one = shopper.does(kind, item, category, event_id=f"x-{place % 7}")
        elif act == "again" and shopper.offsets.get("timers"):
            offset = shopper.offsets["timers"]
            one = shopper.wakes()
            shopper.offsets["timers"] = offset
            assert shopper.wakes().counted is Counted.REDELIVERED
        elif act == "back":
            shopper.now_ms -= HOUR_MS
            one = shopper.wakes()
        else:
            one = shopper.wakes(what if isinstance(what, int) else 0)
        if one.nudge is not None:
            said[one.nudge.event_id] += 1
        context = shopper.customer.context
        assert context is not None
        assert len(context.timers) <= TIMERS_MAX
        assert context.latest.keys() <= shopper.rules.policy.ending.keys()
        assert len({(timer.campaign, timer.event) for timer in context.timers}) == len(context.timers)
    assert not said or max(said.values()) == 1


@given(st.lists(adds | others, min_size=1, max_size=4), st.sampled_from([0, NIGHT_MS]), restraints)
def test_more_restraint_never_turns_the_silence_of_what_came_due_into_a_nudge(
    acts: list[Happening], night_ms: int, restraint: Restraint
) -> None:
    shopper = Shopper.opted_in(patient())
    shopper.now_ms += night_ms
    if night_ms:
        shopper.consents("in_app", state="withdrawn")
        shopper.consents("email", state="withdrawn")
    for place, (kind, _, (item, category)) in enumerate(acts):
        shopper.does(kind, item, category, event_id=f"x-{place}")
    later_ms = 11 * HOUR_MS if night_ms else 30 * MINUTE_MS
    shopper.now_ms += later_ms
    other = restrained(shopper, restraint)
    other.customer = deepcopy(other.customer)
    said, said_restrained = shopper.wakes(), other.wakes()
    if said.nudge is None:
        assert said_restrained.nudge is None
