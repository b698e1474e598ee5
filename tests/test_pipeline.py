"""The six steps over one unit: in order, all or nothing, and the same when they are taken again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamproc.core.consent import allows, decode_consent
from streamproc.core.record import Output, Record
from streamproc.core.stored_context import decode_context
from streamproc.pipeline import ROUNDS_MAX
from streamproc.store.base import Write
from streamproc.store.keys import KEYS, bucket_of
from tests.core.shopper import MINUTE_MS
from tests.parts import World, consent, unit, view


async def test_what_explains_is_acknowledged_before_what_speaks_and_the_receipt_comes_last() -> None:
    world = await World.with_opted_in("c-1")
    await world.pipeline.process(unit("moments", [world.view("c-1")]))
    assert world.topics() == [["decisions", "ledger"], ["nudges.push"], ["receipts"]]


async def test_every_output_of_a_customer_goes_to_the_customers_lane() -> None:
    world = await World.with_opted_in("c-1")
    await world.pipeline.process(unit("moments", [world.view("c-1")]))
    lane = world.address("c-1")[1]
    lanes = {topic: world.sent(topic)[0].lane for topic in ("decisions", "nudges.push", "receipts")}
    assert lanes == {"decisions": lane, "nudges.push": lane, "receipts": lane}


async def test_a_nudge_carries_the_config_position_at_its_hand_over() -> None:
    world = await World.with_opted_in("c-1")
    await world.pipeline.process(unit("moments", [world.view("c-1")]))
    assert dict(world.sent("nudges.push")[0].headers)["sp-config-offset"] == b"7"


async def test_a_receipt_counts_every_event_of_the_unit_once() -> None:
    world = await World.with_opted_in("c-1")
    records = [world.view("c-1"), world.view("stranger"), world.record("clickstream", "c-1", b"\xff")]
    await world.pipeline.process(unit("moments", records))
    assert world.counted() == {"records": 3, "events": 3, "decided": 1, "quiet": 1, "rejected": 1}


async def test_an_item_of_no_known_category_is_counted_once_and_one_of_a_known_category_is_not() -> None:
    world = await World.with_opted_in("c-1")
    await world.pipeline.process(unit("moments", [world.view("c-1")]))
    assert world.meter.unknown == 0
    odd = world.record("clickstream", "c-1", view("c-1", "m-odd", world.now, "odd-1", "unheard of"))
    for _ in range(2):  # A redelivery gives the same again, and is counted no more.
        await world.pipeline.process(unit("moments", [odd]))
    assert world.meter.unknown == 1


async def test_a_refused_record_goes_to_dead_letters_as_it_came() -> None:
    world = await World.with_opted_in("c-1")
    await world.pipeline.process(unit("moments", [world.record("clickstream", "c-1", b"\x00\x01{")]))
    (letter,) = world.sent("dead-letters")
    assert (letter.key, letter.value, dict(letter.headers)["x-dlq-reason"]) == (
        b"c-1",
        b"\x00\x01{",
        b"empty",
    )


async def test_a_batch_with_several_refused_events_makes_one_dead_letter() -> None:
    world = await World.with_opted_in("c-1")
    batch = {"batch": [{"type": "track"}, {"type": "track"}]}
    await world.pipeline.process(unit("moments", [world.record("clickstream", "c-1", batch)]))
    assert len(world.sent("dead-letters")) == 1
    assert world.counted()["rejected"] >= 1


async def test_an_event_in_another_lane_is_forwarded_with_the_right_key_and_decided_there() -> None:
    world = await World.with_opted_in("c-1")
    lane = world.address("c-1")[1]
    await world.pipeline.process(unit("moments", [world.view("c-1", lane=(lane + 1) % 4)]))
    (forwarded,) = world.sent("rekeyed")
    assert (forwarded.key, forwarded.lane, world.counted()["rekeyed"]) == (b"c-1", lane, 1)
    assert not world.sent("decisions")
    again = world.record("rekeyed", "c-1", forwarded.value)
    await world.pipeline.process(unit("moments", [again]))
    assert len(world.sent("nudges.push")) == 1


async def test_an_event_that_was_forwarded_twice_speaks_once() -> None:
    world = await World.with_opted_in("c-1")
    wrong = world.view("c-1", lane=(world.address("c-1")[1] + 1) % 4)
    for _ in range(2):
        await world.pipeline.process(unit("moments", [wrong]))
    again = [world.record("rekeyed", "c-1", output.value) for output in world.sent("rekeyed")]
    await world.pipeline.process(unit("moments", again))
    assert (len(again), len(world.sent("nudges.push")), world.counted()["duplicate"]) == (2, 1, 1)


async def test_a_withdrawal_counts_in_whatever_lane_it_arrives() -> None:
    world = await World.with_opted_in("c-1")
    withdrawn = consent("c-1", "push", state="withdrawn")
    lane = (world.address("c-1")[1] + 1) % 4
    await world.pipeline.process(unit("facts", [world.record("consents", "x", withdrawn, lane=lane)]))
    await world.pipeline.process(unit("moments", [world.view("c-1")]))
    assert not world.sent("rekeyed")
    assert [output.topic for output in world.sent("nudges.push")] == []


async def test_a_store_that_is_away_is_waited_for_and_nothing_is_sent_meanwhile() -> None:
    world = await World.with_opted_in("c-1")
    world.store.load_fails = 3
    sent_while_away: list[int] = []
    world.on_wait = lambda: sent_while_away.append(len(world.batches))
    await world.pipeline.process(unit("moments", [world.view("c-1")]))
    assert (sent_while_away, world.meter.troubles) == ([0, 0, 0], ["StoreUnavailable"] * 3)
    assert len(world.sent("nudges.push")) == 1


@pytest.mark.parametrize("accident", ["commit_fails_before", "commit_fails_after"])
async def test_a_commit_of_unknown_fate_charges_and_speaks_once(accident: str) -> None:
    world = await World.with_opted_in("c-1")
    setattr(world.store, accident, 1)
    await world.pipeline.process(unit("moments", [world.view("c-1")]))
    assert (len(world.sent("ledger")), len(world.sent("nudges.push"))) == (1, 1)


async def test_a_crash_after_the_commit_gives_the_same_bytes_again() -> None:
    world = await World.with_opted_in("c-1", "c-2")
    moments = unit("moments", [world.view("c-1"), world.view("c-2")])
    await world.pipeline.process(moments)
    first = [batch for batch in world.batches if batch[0].topic != "receipts"]
    world.batches.clear()
    successor = World(space=world.space)
    await successor.store.open()
    successor.now += 10 * MINUTE_MS
    await successor.pipeline.process(moments)
    assert [batch for batch in successor.batches if batch[0].topic != "receipts"] == first
    assert successor.counted() == {"records": 2, "events": 2, "redelivered": 2}


async def test_what_a_source_has_committed_is_no_longer_kept() -> None:
    world = await World.with_opted_in("c-1")
    h, lane = world.address("c-1")
    await world.pipeline.process(unit("moments", [world.view("c-1")]))
    assert list(world.space.outputs[KEYS[bucket_of(h)].outputs + h]) == [f"clickstream/{lane}/0/0"]
    world.done["clickstream", lane] = 1
    await world.pipeline.process(unit("moments", [world.view("c-1")]))
    assert list(world.space.outputs[KEYS[bucket_of(h)].outputs + h]) == [f"clickstream/{lane}/1/0"]


def interfere(world: World, customer: str, rounds: int) -> None:
    """Have another writer come first in so many commits."""
    left = [rounds]

    def meddle(writes: object) -> None:
        if left[0]:
            left[0] -= 1
            h = world.address(customer)[0]
            key = KEYS[bucket_of(h)].context + h
            stored = world.space.values[key]
            world.space.values[key] = bytes([255 - left[0] % 200]) * 8 + stored[8:]

    world.store.before_commit = meddle


async def test_a_customer_whom_somebody_else_wrote_meanwhile_is_decided_again_alone() -> None:
    world = await World.with_opted_in("c-1", "c-2")
    interfere(world, "c-1", 2)
    world.store.loaded.clear()
    await world.pipeline.process(unit("moments", [world.view("c-1"), world.view("c-2")]))
    h = world.address("c-1")[0]
    assert [len(hs) for hs in world.store.loaded] == [2, 1, 1]
    assert world.store.loaded[1:] == [[h], [h]]
    assert (world.meter.conflicted, world.counted()["decided"]) == (2, 2)
    assert (len(world.sent("ledger")), len(world.sent("nudges.push"))) == (2, 2)


async def test_who_loses_every_race_is_in_trouble_and_tries_on() -> None:
    world = await World.with_opted_in("c-1")
    interfere(world, "c-1", ROUNDS_MAX + 1)
    await world.pipeline.process(unit("moments", [world.view("c-1")]))
    assert (world.meter.troubles, world.meter.conflicted) == (["StoreUnavailable"], ROUNDS_MAX + 1)
    assert len(world.sent("nudges.push")) == 1


async def test_a_withdrawal_that_is_committed_between_load_and_commit_silences() -> None:
    world = await World.with_opted_in("c-1")
    withdrawal = world.record("consents", "c-1", consent("c-1", "*", state="withdrawn"))
    other = World(space=world.space)
    await other.store.open()

    def withdraw(_writes: object) -> None:
        world.store.before_commit = lambda _: None
        run(other, withdrawal)

    world.store.before_commit = withdraw
    await world.pipeline.process(unit("moments", [world.view("c-1")]))
    assert (world.meter.conflicted, world.sent("nudges.push")) == (1, [])


def run(world: World, record: object) -> None:
    """Process one record to its end; nothing in these parts ever waits."""
    coroutine = world.pipeline.process(unit("facts", [record]))  # type: ignore[list-item]
    with pytest.raises(StopIteration):
        coroutine.send(None)


@pytest.mark.parametrize("topic", ["decisions", "nudges.push", "receipts"])
async def test_an_output_that_was_not_acknowledged_is_sent_again_and_counted_once(topic: str) -> None:
    world = await World.with_opted_in("c-1")
    failures = [True, True]
    world.sink_fails = lambda outputs: (
        outputs[0].topic in (topic, "ledger") and bool(failures and failures.pop())
    )
    await world.pipeline.process(unit("moments", [world.view("c-1")]))
    assert world.meter.troubles == ["SinkUnavailable"] * 2
    assert {output.value for output in world.sent("nudges.push")} == {world.sent("nudges.push")[0].value}
    (tally,) = world.meter.tallies
    assert [source.decided for source in tally.sources()] == [1]
    assert world.meter.handed == 1


async def test_while_the_gate_is_shut_the_unit_waits_and_speaks_when_it_opens() -> None:
    world = await World.with_opted_in("c-1")
    world.open = False
    sent: list[int] = []

    def waited() -> None:
        sent.append(len(world.sent("nudges.push")) + len(world.sent("receipts")))
        world.open = len(sent) == 5

    world.on_wait = waited
    await world.pipeline.process(unit("moments", [world.view("c-1")]))
    assert sent == [0] * 5
    assert (len(world.sent("nudges.push")), len(world.sent("receipts"))) == (1, 1)


async def test_a_lane_that_may_have_missed_a_withdrawal_decides_and_hands_over_nothing() -> None:
    world = await World.with_opted_in("c-1")
    world.fresh = False
    sent: list[int] = []

    def waited() -> None:
        sent.append(len(world.batches))
        world.fresh = len(sent) == 3

    world.on_wait = waited
    await world.pipeline.process(unit("moments", [world.view("c-1")]))
    assert sent == [0, 0, 0]
    assert len(world.sent("nudges.push")) == 1


async def test_a_gate_that_shuts_while_consent_is_asked_again_is_waited_for() -> None:
    world = await World.with_opted_in("c-1")
    opened: list[int] = []

    def slow(_outputs: object) -> bool:
        world.seconds += 1.1
        world.store.on_load = lambda: setattr(world, "open", bool(opened))
        return False

    def waited() -> None:
        assert world.sent("nudges.push") == []
        opened.append(1)
        world.open = True

    world.sink_fails, world.on_wait = slow, waited
    await world.pipeline.process(unit("moments", [world.view("c-1")]))
    assert (opened, len(world.sent("nudges.push"))) == ([1], 1)


async def test_a_nudge_that_is_decided_is_not_handed_over_in_a_lane_that_is_no_longer_fresh() -> None:
    world = await World.with_opted_in("c-1")
    sent: list[int] = []

    def stale(_writes: object) -> None:
        world.fresh = False

    def waited() -> None:
        sent.append(len(world.sent("nudges.push")))
        world.fresh = len(sent) == 3

    world.store.before_commit, world.on_wait = stale, waited
    await world.pipeline.process(unit("moments", [world.view("c-1")]))
    assert sent == [0, 0, 0]
    assert len(world.sent("nudges.push")) == 1


async def test_what_an_open_gate_refuses_is_withheld_in_a_second_decision_and_stays_charged() -> None:
    world = await World.with_opted_in("c-1")
    off = world.rules_now.switches.fold("channel/push", b'{"enabled":false,"reason":"outage"}')
    world.store.before_commit = lambda _: setattr(world, "rules_now", replace(world.rules_now, switches=off))
    await world.pipeline.process(unit("moments", [world.view("c-1")]))
    assert (world.sent("nudges.push"), len(world.sent("ledger"))) == ([], 1)
    first, second = world.values("decisions")
    assert (first["decision_id"], first["result"]) == (second["decision_id"], "nudged")
    assert (second["result"], second["candidates"][0]["verdict"]) == ("silent", "withheld")
    assert second["candidates"][0]["reasons"] == [{"code": "channel_off", "detail": "push: outage"}]
    assert (world.counted()["decided"], world.counted()["withheld"]) == (1, 1)


async def wait_a_second_then(world: World, writes: list[Output], state: str) -> None:
    """Have the sink take longer than a second, and the customer say something meanwhile."""
    said = world.record("consents", "c-1", consent("c-1", "push", state=state))
    other = World(space=world.space)
    await other.store.open()

    def slow(outputs: object) -> bool:
        if not writes:
            writes.append(Output("", None, None))
            world.seconds += 1.1
            run(other, said)
        return False

    world.sink_fails = slow


async def test_a_nudge_that_waited_for_more_than_a_second_asks_for_consent_again() -> None:
    world = await World.with_opted_in("c-1")
    await wait_a_second_then(world, [], "withdrawn")
    await world.pipeline.process(unit("moments", [world.view("c-1")]))
    assert world.sent("nudges.push") == []
    assert world.values("decisions")[-1]["candidates"][0]["reasons"][0]["code"] == "channel_not_opted_in"


async def test_a_nudge_that_waited_goes_when_the_customer_still_agrees() -> None:
    world = await World.with_opted_in("c-1")
    await wait_a_second_then(world, [], "granted")
    await world.pipeline.process(unit("moments", [world.view("c-1")]))
    assert len(world.sent("nudges.push")) == 1


def spoil(world: World, customer: str) -> None:
    """Leave a context in the store that this version cannot read."""
    h = world.address(customer)[0]
    key = KEYS[bucket_of(h)].context + h
    assert decode_context(world.space.values[key][8:]).layout == 1
    world.space.values[key] = world.space.values[key][:8] + b"\x91\x63"


async def test_a_record_that_cannot_be_decided_is_put_aside_and_all_others_are_decided() -> None:
    names = [f"c-{number}" for number in range(9)]
    world = await World.with_opted_in(*names)
    spoil(world, "c-3")
    await world.pipeline.process(unit("moments", [world.view(name) for name in names]))
    (letter,) = world.sent("dead-letters")
    headers = dict(letter.headers)
    assert (letter.key, headers["x-dlq-reason"], headers["x-dlq-attempts"]) == (b"c-3", b"poison", b"3")
    assert {output.key for output in world.sent("nudges.push")} == {b"c-%d" % n for n in range(9) if n != 3}
    assert len(world.sent("nudges.push")) == 8


async def test_a_withdrawal_gets_through_though_the_customers_memory_cannot_be_read() -> None:
    world = await World.with_opted_in("c-3")
    spoil(world, "c-3")
    h = world.address("c-3")[0]
    withdrawal = world.record("consents", "c-3", consent("c-3", "push", state="withdrawn"))
    await world.pipeline.process(unit("facts", [withdrawal]))
    assert world.sent("dead-letters") == []
    head = decode_consent(world.space.values[KEYS[bucket_of(h)].consent + h][8:])
    assert not allows(head, "push", "marketing", world.now).ok


async def test_receipts_of_a_unit_with_a_poison_record_cover_it_without_hole_or_overlap() -> None:
    names = [f"c-{number}" for number in range(9)]
    world = await World.with_opted_in(*names)
    spoil(world, "c-3")
    await world.pipeline.process(unit("moments", [world.view(name) for name in names]))
    covered: dict[int, list[int]] = {}
    for receipt in world.values("receipts"):
        for source in receipt["sources"]:
            assert source["holes"] == 0
            covered.setdefault(source["partition"], []).extend(range(source["first"], source["last"] + 1))
    assert {lane: sorted(offsets) for lane, offsets in covered.items()} == {
        lane: list(range(world.offsets["clickstream", lane])) for lane in covered
    }
    assert sum(map(len, covered.values())) == 9


async def test_a_fault_that_passes_leaves_no_dead_letter() -> None:
    world = await World.with_opted_in("c-1")
    accidents = [RuntimeError("once"), RuntimeError("twice")]

    def stumble(_writes: list[Write]) -> None:
        if accidents:
            raise accidents.pop()

    world.store.before_commit = stumble  # type: ignore[assignment]
    await world.pipeline.process(unit("moments", [world.view("c-1")]))
    assert (world.sent("dead-letters"), len(world.sent("nudges.push"))) == ([], 1)


async def test_two_events_of_one_customer_in_one_unit_see_each_other() -> None:
    world = await World.with_opted_in("c-1")
    await world.pipeline.process(unit("moments", [world.view("c-1"), world.view("c-1")]))
    assert len(world.sent("nudges.push")) == 1
    assert [decision["result"] for decision in world.values("decisions")] == ["nudged", "silent"]


async def test_a_customer_who_never_agreed_leaves_nothing_in_the_store() -> None:
    world = await World.with_opted_in("c-1")
    keys = set(world.space.values)
    await world.pipeline.process(unit("moments", [world.view("stranger")]))
    assert {key for key in world.space.values if key not in keys and ":count" not in key} == set()


async def test_the_decision_names_how_far_consents_had_been_applied() -> None:
    world = await World.with_opted_in("c-1")
    await world.pipeline.process(unit("moments", [world.view("c-1")]))
    (decision,) = world.values("decisions")
    assert decision["consent"] == {"partition": world.address("c-1")[1], "offset": 50}


def signal(world: World, customer: str, *, agrees: bool) -> Record:
    """A click that says what the customer answered to the cookie banner."""
    context = {"consent": {"categoryPreferences": {"Advertising": agrees}}}
    message = f"{customer}-{len(world.batches)}-{agrees}"
    return world.record(
        "clickstream", customer, view(customer, message, world.now, "coat-1") | {"context": context}
    )


async def test_a_refusal_that_a_producer_signals_is_on_the_record_before_the_receipt() -> None:
    world = await World.with_opted_in("c-1")
    await world.pipeline.process(unit("moments", [signal(world, "c-1", agrees=False), world.view("c-1")]))
    assert (world.topics(), world.counted()["quiet"]) == ([["consents"], ["receipts"]], 2)


async def test_a_signal_that_a_crash_kept_from_consents_is_written_when_the_click_comes_again() -> None:
    world = await World.with_opted_in("c-1")
    refusing = unit("moments", [signal(world, "c-1", agrees=False)])
    await world.pipeline.process(refusing)
    successor = World(space=world.space)
    await successor.store.open()
    await successor.pipeline.process(refusing)
    assert successor.sent("consents") == world.sent("consents")


async def test_a_grant_that_a_producer_signals_counts_when_its_record_is_read() -> None:
    world = await World.with_opted_in("c-2")
    await world.pipeline.process(unit("moments", [signal(world, "c-1", agrees=True)]))
    (word,) = world.sent("consents")
    await world.pipeline.process(unit("facts", [world.record("consents", "c-1", word.value)]))
    await world.pipeline.process(unit("moments", [signal(world, "c-1", agrees=True)]))
    counted = world.counted()
    assert (counted["quiet"], counted["decided"], len(world.sent("consents"))) == (1, 2, 1)
