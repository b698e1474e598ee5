"""From a record on a nudge topic to its end, with a customer in a real Redis."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import pytest

from streamproc.core.record import Record
from streamproc.deliver.lane import LaneStopped
from streamproc.deliver.ports import Away, Bounce, Bounced, Fate, Later, Trouble
from tests.core.shopper import HOUR_MS, NOON_MS
from tests.deliver.bench import Bench, PatientLane

EXPIRES_MS = NOON_MS + 2 * HOUR_MS


def identity(record: Record) -> str:
    return str(json.loads(record.value or b"")["nudge_id"])


async def test_a_nudge_is_handed_over_and_its_outcome_reported(bench: Bench) -> None:
    record = await bench.nudge()
    assert await bench.hand(record) is None
    assert bench.taken == [(identity(record), "an address")]
    assert bench.outcomes == [
        {
            "nudge_id": identity(record),
            "customer_id": "c-1",
            "kind": "delivered",
            "at_ms": NOON_MS,
            "channel": "push",
        }
    ]
    assert (bench.ends, bench.calls) == ([(Fate.DELIVERED, "")], [(0.0, 0.0)])


async def test_a_repeated_nudge_is_handed_over_once_and_reported_once(bench: Bench) -> None:
    record = await bench.nudge()
    for _ in range(3):
        assert await bench.hand(record) is None
    assert len(bench.taken) == len(bench.outcomes) == 1
    assert bench.ends == [(Fate.DELIVERED, ""), (Fate.REPEATED, ""), (Fate.REPEATED, "")]


async def test_an_outcome_that_a_crash_kept_from_being_written_is_written_with_the_repeat(
    bench: Bench,
) -> None:
    record = await bench.nudge()
    bench.sends_fail, bench.is_stopping = 1, False
    bench.on_wait = lambda: setattr(bench, "is_stopping", bench.sends_fail == 0 and bool(bench.taken))
    with pytest.raises(LaneStopped):
        await bench.hand(record)
    assert (bench.outcomes, bench.ends) == ([], [])
    bench.is_stopping, bench.on_wait = False, lambda: None
    bench.shopper.now_ms = EXPIRES_MS + 1
    assert await bench.hand(record) is None
    assert ([one["at_ms"] for one in bench.outcomes], len(bench.taken)) == ([NOON_MS], 1)
    assert bench.ends == [(Fate.REPEATED, "")]


async def test_a_message_about_an_order_goes_where_its_policy_lets_it_whatever_its_campaign_is_called_now(
    bench: Bench,
) -> None:
    record = await bench.nudge(purpose="transactional")
    bench.shopper.consents("push", state="withdrawn")
    await bench.keep()
    policy = bench.shopper.rules.policy
    for name, exempt_from in (("look", ()), ("glance", ("refusal",))):
        service = replace(
            policy.campaigns["look"],
            id=name,
            formerly=("look",) if name != "look" else (),
            purpose="transactional",
            exempt_from=frozenset(exempt_from),
        )
        changed = replace(policy, campaigns={name: service})
        bench.shopper.rules = replace(bench.shopper.rules, policy=changed)
        assert await bench.hand(record) is None
    assert bench.ends == [(Fate.WITHHELD, "channel_not_opted_in"), (Fate.DELIVERED, "")]


async def test_who_withdrew_after_the_decision_gets_nothing(bench: Bench) -> None:
    record = await bench.nudge()
    bench.shopper.consents("push", state="withdrawn")
    await bench.keep()
    assert await bench.hand(record) is None
    assert (bench.taken, bench.outcomes) == ([], [])
    assert bench.ends == [(Fate.WITHHELD, "channel_not_opted_in")]


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("paused_until_ms", NOON_MS + 1, "paused"),
        ("muted_categories", ("coats",), "category_muted"),
        ("channels_off", ("push",), "channel_turned_off_by_customer"),
    ],
)
async def test_a_wish_after_the_decision_is_kept(bench: Bench, field: str, value: object, code: str) -> None:
    record = await bench.nudge()
    assert bench.shopper.customer.context is not None
    setattr(bench.shopper.customer.context.profile, field, value)
    await bench.keep()
    assert await bench.hand(record) is None
    assert (bench.taken, bench.ends) == ([], [(Fate.WITHHELD, code)])


async def test_nothing_is_handed_over_of_a_customer_whom_nobody_knows_any_more(bench: Bench) -> None:
    record = await bench.nudge()
    bench.shopper.customer.context = None
    await bench.keep()
    assert await bench.hand(record) is None
    assert (bench.taken, bench.ends) == ([], [(Fate.WITHHELD, "hold")])


async def test_a_nudge_that_a_beacon_may_have_caused_needs_the_consent_to_sensing(bench: Bench) -> None:
    record = await bench.nudge()
    stranger = await bench.nudge(nudge_id="0" * 32, campaign="nobody_knows_it")
    assert await bench.hand(stranger) is None
    assert bench.ends == [(Fate.WITHHELD, "sensing_not_consented")]
    assert await bench.hand(record) is None
    assert len(bench.taken) == 1


async def test_a_message_about_an_order_needs_no_opt_in_if_topic_and_policy_say_what_it_is(
    bench: Bench,
) -> None:
    record = await bench.nudge(purpose="transactional")
    forged = await bench.nudge(nudge_id="2" * 32)
    bench.shopper.consents("push", state="expired")
    await bench.keep()
    policy = bench.shopper.rules.policy
    look = replace(policy.campaigns["look"], purpose="transactional", id="glance", formerly=("look",))
    assert await bench.hand(await bench.nudge(nudge_id="3" * 32, purpose="transactional")) is None
    campaigns = {**policy.campaigns, "glance": look}
    del campaigns["look"]
    bench.shopper.rules = replace(bench.shopper.rules, policy=replace(policy, campaigns=campaigns))
    assert await bench.hand(forged) is None
    assert bench.ends == [(Fate.WITHHELD, "channel_not_opted_in")] * 2
    assert await bench.hand(record) is None
    assert bench.taken == [(identity(record), "an address")]


async def test_an_expired_nudge_is_not_handed_over(bench: Bench) -> None:
    record = await bench.nudge()
    bench.shopper.now_ms = EXPIRES_MS
    assert await bench.hand(record) is None
    assert (bench.taken, bench.outcomes, bench.ends) == ([], [], [(Fate.EXPIRED, "")])


@pytest.mark.parametrize("key", ["all", "channel/push"])
async def test_while_the_channel_is_off_a_nudge_waits_and_then_goes(bench: Bench, key: str) -> None:
    record = await bench.nudge()
    bench.shopper.switch(key)

    def on_again_later() -> None:
        assert bench.taken == []
        if bench.waits == 20:
            bench.shopper.switch(key, None)

    bench.on_wait = on_again_later
    assert await bench.hand(record) is None
    assert (len(bench.taken), bench.ends) == (1, [(Fate.DELIVERED, "")])
    assert bench.waits >= 20


async def test_a_channel_that_stays_off_lets_its_nudges_expire(bench: Bench) -> None:
    record = await bench.nudge()
    bench.shopper.switch("channel/push")
    bench.on_wait = lambda: setattr(bench.shopper, "now_ms", bench.shopper.now_ms + HOUR_MS)
    assert await bench.hand(record) is None
    assert (bench.taken, bench.ends) == ([], [(Fate.EXPIRED, "")])


async def test_a_nudge_of_a_paused_campaign_is_given_up(bench: Bench) -> None:
    record = await bench.nudge()
    bench.shopper.switch("campaign/look")
    assert await bench.hand(record) is None
    assert (bench.taken, bench.ends) == ([], [(Fate.WITHHELD, "campaign_off")])


@pytest.mark.parametrize("part", ["open", "fresh"])
async def test_nothing_leaves_while_the_gate_is_shut_or_the_lane_not_fresh(bench: Bench, part: str) -> None:
    record = await bench.nudge()
    setattr(bench, part, False)

    def opens() -> None:
        assert bench.taken == []
        setattr(bench, part, bench.waits >= 5)

    bench.on_wait = opens
    assert await bench.hand(record) is None
    assert (len(bench.taken), bench.waits >= 5) == (1, True)


async def test_nothing_leaves_while_redis_is_away(bench: Bench) -> None:
    record = await bench.nudge()
    look, failures = bench.handing.check.look, 3

    async def fails(parcel: object) -> object:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            from streamproc.store.base import StoreUnavailable

            raise StoreUnavailable("nobody answers")
        return await look(parcel)  # type: ignore[arg-type]

    bench.handing.check.look = fails  # type: ignore[method-assign, assignment]
    assert await bench.hand(record) is None
    assert (len(bench.taken), bench.troubles) == (1, [Trouble.STORE] * 3)


async def test_a_target_that_was_away_gets_the_nudge_when_it_returns(bench: Bench) -> None:
    record = await bench.nudge()
    bench.answers = [Away("it answers 503")] * 4
    assert await bench.hand(record) is None
    assert {one for one, _ in bench.taken} == {identity(record)}
    assert (len(bench.taken), bench.ends) == (5, [(Fate.DELIVERED, "")])
    # It was asked after 0.5, 1, 2 and 4 s.
    assert 7.5 <= bench.seconds < 8.5


async def test_a_target_that_asks_to_be_left_alone_is(bench: Bench) -> None:
    record = await bench.nudge()
    bench.answers = [Away("it answers 429", 25.0)]
    times: list[float] = []
    bench.on_send = lambda: times.append(bench.seconds)
    assert await bench.hand(record) is None
    assert times[0] == 0
    assert 25 <= times[1] < 25.5


async def test_expiry_ends_the_waiting_for_a_target(bench: Bench) -> None:
    record = await bench.nudge()
    bench.answers = [Away("it cannot be reached")]
    bench.on_send = lambda: setattr(bench.shopper, "now_ms", EXPIRES_MS - 50)
    assert await bench.hand(record) is None
    assert (len(bench.taken), bench.ends) == (1, [(Fate.EXPIRED, "")])


async def test_a_nudge_that_the_target_does_not_take_now_is_put_off_longer_each_time(bench: Bench) -> None:
    record = await bench.nudge()
    bench.answers = [*[Later("it answers 500")] * 4, Later("it answers 500", 42.0)]
    assert [await bench.hand(record, tries) for tries in (0, 1, 2, 30, 3)] == [1, 2, 4, 300, 42]
    assert bench.ends == []
    bench.answers = [Later("it answers 500")]
    bench.shopper.now_ms = EXPIRES_MS - 10_000
    assert await bench.hand(record, 30) == 10
    assert await bench.hand(record, 31) is None
    assert bench.ends == [(Fate.DELIVERED, "")]


async def test_what_the_target_will_never_take_bounces(bench: Bench) -> None:
    record = await bench.nudge()
    bench.answers = [Bounced(Bounce.REFUSED)]
    assert await bench.hand(record) is None
    assert [(one["kind"], one["reason"]) for one in bench.outcomes] == [("bounced", "refused")]
    assert await bench.hand(record) is None
    assert (len(bench.taken), bench.ends) == (1, [(Fate.BOUNCED, "refused"), (Fate.REPEATED, "")])


async def test_a_customer_without_an_address_bounces_without_a_call(bench: Bench) -> None:
    record = await bench.nudge()
    bench.people = {"c-2": "elsewhere"}
    assert await bench.hand(record) is None
    assert [(one["kind"], one["reason"]) for one in bench.outcomes] == [("bounced", "no_address")]
    assert bench.taken == []


async def test_no_address_is_asked_for_a_nudge_that_may_not_go(bench: Bench) -> None:
    record = await bench.nudge()
    bench.shopper.consents("push", state="withdrawn")
    await bench.keep()
    bench.lookups_fail = 1
    assert await bench.hand(record) is None
    assert bench.lookups_fail == 1


async def test_addresses_that_cannot_be_looked_up_are_waited_for(bench: Bench) -> None:
    record = await bench.nudge()
    bench.lookups_fail = 2
    assert await bench.hand(record) is None
    assert (len(bench.taken), bench.troubles) == (1, [Trouble.ADDRESSES] * 2)


async def test_who_withdraws_during_a_slow_look_up_gets_nothing(bench: Bench) -> None:
    record = await bench.nudge()
    find = bench.find

    async def slow(customer_id: str) -> str | None:
        bench.seconds += 1.5
        bench.shopper.consents("push", state="withdrawn")
        await bench.keep()
        return await find(customer_id)

    bench.find = slow  # type: ignore[method-assign]
    assert await bench.hand(record) is None
    assert (bench.taken, bench.ends) == ([], [(Fate.WITHHELD, "channel_not_opted_in")])


async def test_what_left_is_marked_before_anything_else_can_fail(bench: Bench) -> None:
    record = await bench.nudge()
    bench.sends_fail = 3
    assert await bench.hand(record) is None
    assert (len(bench.taken), bench.troubles) == (1, [Trouble.SINK] * 3)
    assert len(bench.outcomes) == 1


async def test_a_target_that_breaks_over_a_nudge_stops_no_other(bench: Bench) -> None:
    first, second = await bench.nudge(), await bench.nudge(nudge_id="1" * 32)

    def breaks() -> None:
        raise KeyError("c-1")

    bench.on_send = breaks
    assert await bench.hand(first) == 1
    bench.on_send = lambda: None
    assert await bench.hand(second) is None
    assert bench.troubles == [Trouble.LATER]


@pytest.mark.parametrize(
    "value",
    [None, b"", b"\xff", b"[]", b'{"nudge_id": "a"}'],
)
async def test_what_is_no_nudge_is_counted_and_passed_over(bench: Bench, value: bytes | None) -> None:
    record = Record("nudges.push", 4, 9, NOON_MS, False, None, value)
    assert await bench.hand(record) is None
    assert (bench.taken, bench.ends) == ([], [(Fate.UNREADABLE, "")])


@pytest.mark.parametrize(
    "field", [{"nudge_id": "a\r\nBcc: x"}, {"nudge_id": ""}, {"channel": "sms"}, {"customer_id": ""}]
)
async def test_a_nudge_that_a_stranger_wrote_is_no_nudge(bench: Bench, field: dict[str, str]) -> None:
    record = await bench.nudge(**field)
    assert await bench.hand(record) is None
    assert (bench.taken, bench.ends) == ([], [(Fate.UNREADABLE, "")])


async def test_hand_overs_keep_the_pace(bench: Bench) -> None:
    bench.handing = bench.with_rate(2.0)
    bench.lane = PatientLane(bench)
    times: list[float] = []
    bench.on_send = lambda: times.append(bench.seconds)
    for number in range(4):
        await bench.hand(await bench.nudge(nudge_id=str(number) * 32))
    assert times == [0.0, 0.5, 1.0, 1.5]


async def test_a_nudge_that_is_not_handed_over_costs_no_turn(bench: Bench) -> None:
    bench.handing = bench.with_rate(1 / 60)
    bench.lane = PatientLane(bench)
    record = await bench.nudge()
    for _ in range(3):
        await bench.hand(record)
    assert bench.seconds == 60.0


async def test_a_nudge_with_a_slot_waits_for_it_and_lets_others_pass(bench: Bench) -> None:
    record = await bench.nudge()
    header = ("sp-not-before-ms", str(NOON_MS + 90_500).encode())
    paced = msgspec.structs.replace(record, headers=(header,))
    assert await bench.hand(paced) == 90.5
    assert (bench.taken, bench.ends) == ([], [])
    bench.shopper.now_ms = NOON_MS + 90_500
    assert await bench.hand(paced, 1) is None
    assert len(bench.taken) == 1


async def test_a_slot_after_the_expiry_ends_with_the_nudge(bench: Bench) -> None:
    record = await bench.nudge()
    header = ("sp-not-before-ms", str(EXPIRES_MS + 1).encode())
    paced = msgspec.structs.replace(record, headers=(header,))
    assert await bench.hand(paced) == 2 * 3_600.0
    bench.shopper.now_ms = EXPIRES_MS
    assert await bench.hand(paced, 1) is None
    assert (bench.taken, bench.ends) == ([], [(Fate.EXPIRED, "")])


async def test_a_slot_that_cannot_be_read_is_none(bench: Bench) -> None:
    record = await bench.nudge()
    for text in (b"soon", b"-5", b"9" * 40, b""):
        paced = msgspec.structs.replace(record, headers=(("sp-not-before-ms", text),))
        assert await bench.hand(paced) is None
    assert len(bench.taken) == 1
