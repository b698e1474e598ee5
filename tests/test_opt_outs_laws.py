"""Laws of the pause: a campaign pauses itself exactly when a plain list of its messages says so."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache

from hypothesis import event, given
from hypothesis import strategies as st

from streamproc.core.arrival import Rules
from streamproc.core.creep.model import Pausing
from streamproc.core.decision import Handover, OptOut
from streamproc.core.policy.model import Policy
from streamproc.core.switches import Switch, Switches
from streamproc.opt_outs import OptOuts
from streamproc.store.memory import MemorySpace, MemoryStore
from tests.core.shopper import DAY_MS, shop

# How many are told of something on a day, and who of the last ones, counted back, unsubscribes then, or says so again.
DAYS = st.lists(
    st.tuples(st.integers(0, 8), st.lists(st.integers(1, 9), max_size=6), st.sampled_from([1, 1, 1, 1, 2])),
    min_size=6,
    max_size=12,
)
PAUSINGS = st.builds(
    Pausing,
    complaint_ratio=st.just(1),
    unsubscription_factor=st.sampled_from([1, 1.5, 3]),
    messages_min=st.integers(1, 3),
    days=st.integers(4, 9),
)


@cache
def policy(pausing: Pausing) -> Policy:
    return replace(shop(), creep=replace(shop().creep, pausing=pausing))


@dataclass
class Ledger:
    """What the rule says, read off the messages themselves: by id the day of each, and who unsubscribed."""

    pausing: Pausing
    day_of: dict[str, int] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)

    def leaves(self, message: str, today: int) -> bool:
        """Note that somebody unsubscribed; tell whether that is too many."""
        day, rule = self.day_of[message], self.pausing
        if day <= today - rule.days:
            return False
        self.left.add(message)
        usual = sorted(
            self.share(before)
            for before in range(today - rule.days + 1, day)
            if self.messages(before) >= rule.messages_min
        )
        if len(usual) < 3 or self.messages(day) < rule.messages_min:
            return False
        middle = (usual[(len(usual) - 1) // 2] + usual[len(usual) // 2]) / 2
        return self.share(day) > Fraction(rule.unsubscription_factor) * max(middle, Fraction(1, 1000))

    def messages(self, day: int) -> int:
        return list(self.day_of.values()).count(day)

    def share(self, day: int) -> Fraction:
        return Fraction(len([one for one in self.left if self.day_of[one] == day]), self.messages(day))


@given(PAUSINGS, DAYS, st.integers(0, 30))
def test_a_campaign_pauses_itself_exactly_when_its_messages_one_by_one_say_so(
    pausing: Pausing, days: list[tuple[int, list[int], int]], resumed_on: int
) -> None:
    event(f"paused {asyncio.run(_compare(pausing, days, resumed_on))} times")


async def _compare(pausing: Pausing, days: list[tuple[int, list[int], int]], resumed_on: int) -> int:
    now = 20_000 * DAY_MS
    store = MemoryStore(MemorySpace(lambda: now), id_check="law")
    await store.open(fresh=True)
    opt_outs, ledger, rules, paused = OptOuts(store), Ledger(pausing), under(pausing, 0), 0
    sent_ms: dict[str, int] = {}
    for index, (number, leaving, later) in enumerate(days):
        if index == resumed_on:
            ledger, rules = Ledger(pausing), under(pausing, now)
        said = [f"m-{index}-{one}" for one in range(number)]
        sent_ms |= dict.fromkeys(said, now)
        ledger.day_of |= dict.fromkeys(said, now // DAY_MS)
        await opt_outs.count([(one, handover(now)) for one in said], rules)
        for back in [one for one in leaving if one <= len(sent_ms)]:
            now += 1_000
            message = list(sent_ms)[-back]
            told = OptOut("unsubscribed", "look", message, sent_ms[message], now)
            pauses = await opt_outs.hear([told], rules, now)
            assert len(pauses) == (message in ledger.day_of and ledger.leaves(message, now // DAY_MS))
            if pauses:  # Somebody lets it go on at once.
                ledger, rules, paused = Ledger(pausing), under(pausing, now), paused + 1
        now += later * DAY_MS
    return paused


def under(pausing: Pausing, since_ms: int) -> Rules:
    switch = Switch(enabled=True, at_ms=since_ms)
    return Rules(policy(pausing), Switches({"campaign/look": switch}), 0, DAY_MS)


def handover(at_ms: int) -> Handover:
    return Handover("h", "push", "look", "", "marketing", False, "send", at_ms, at_ms, at_ms + 1)
