"""What every store does, on memory and on a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from streamproc.store.base import (
    AHEAD_MS_MAX,
    CLAIM_MS,
    HINTS_A_CALL_MAX,
    TTL_MS_MAX,
    EpochMissing,
    Hint,
    LostWrites,
    OptedOut,
    Slot,
    Store,
    StoreUnavailable,
    Waiting,
    Write,
    WrongHashKey,
)
from streamproc.store.keys import BUCKETS, KEYS, IdKey, bucket_of
from tests.store.conftest import ID_KEY, World

NOW_MS = 1_795_777_200_000
ANNA, BEN = ID_KEY.h("anna"), ID_KEY.h("ben")
DAY_MS = 86_400_000
SCOPE = ("look:0", 7)


async def write(store: Store, h: str, context: bytes | None = b"context", **fields: object) -> bool:
    """Load one customer and commit a change of what was loaded."""
    (slot,) = await store.load([h])
    (applied,) = await store.commit([change_of(slot, context, **fields)])
    return applied


def change_of(slot: Slot, context: bytes | None, **fields: object) -> Write:
    change = Write(h=slot.h, context_version=slot.context_version, consent_version=slot.consent_version)
    change.context = context
    for name, value in fields.items():
        setattr(change, name, value)
    return change


async def test_an_unknown_customer_has_empty_versions_and_values(store: Store) -> None:
    assert await store.load([ANNA]) == [Slot(ANNA, b"", b"", b"", b"")]


async def test_what_was_committed_is_loaded(store: Store) -> None:
    assert await write(store, ANNA, b"\x00ctx\r\n", consent=b"\xffcon")
    (slot,) = await store.load([ANNA])
    assert (slot.context, slot.consent) == (b"\x00ctx\r\n", b"\xffcon")
    assert (len(slot.context_version), len(slot.consent_version)) == (8, 8)


async def test_slots_come_in_the_order_asked_for_repeats_included(store: Store) -> None:
    hs = [ID_KEY.h(f"c-{i}") for i in range(300)]
    slots = await store.load(hs)
    changes = [
        Write(h=slot.h, context_version=b"", consent_version=b"", context=slot.h.encode()) for slot in slots
    ]
    assert await store.commit(changes) == [True] * 300
    asked = [*reversed(hs), hs[7], hs[7]]
    assert [slot.context.decode() for slot in await store.load(asked)] == asked


async def test_more_customers_of_one_bucket_than_a_call_takes_are_all_written(store: Store) -> None:
    hs = [f"{i:030x}40" for i in range(300)]
    assert {bucket_of(h) for h in hs} == {0}
    changes = [Write(h=h, context_version=b"", consent_version=b"", context=h.encode()) for h in hs]
    assert await store.commit(changes) == [True] * 300
    assert [slot.context.decode() for slot in await store.load(hs)] == hs


async def test_a_version_grows_by_one_at_each_write(store: Store) -> None:
    await write(store, ANNA)
    (first,) = await store.load([ANNA])
    await write(store, ANNA)
    (second,) = await store.load([ANNA])
    assert int.from_bytes(second.context_version) == int.from_bytes(first.context_version) + 1


async def test_the_second_of_two_writers_conflicts_and_changes_nothing(store: Store) -> None:
    (slot,) = await store.load([ANNA])
    first = Write(h=ANNA, context_version=slot.context_version, consent_version=b"", context=b"first")
    second = Write(
        h=ANNA,
        context_version=slot.context_version,
        consent_version=b"",
        context=b"second",
        consent=b"second",
        out_put=(("clickstream/0/1/0", b"second"),),
    )
    assert [await store.commit([first]), await store.commit([second])] == [[True], [False]]
    (after,) = await store.load([ANNA])
    assert (after.context, after.consent) == (b"first", b"")
    assert await store.load_outs([(ANNA, "clickstream/0/1/0")]) == [None]


async def test_a_moved_consent_stops_a_write_of_the_context(store: Store) -> None:
    await write(store, ANNA, b"before")
    (slot,) = await store.load([ANNA])
    await write(store, ANNA, None, consent=b"withdrawn")
    late = Write(
        h=ANNA, context_version=slot.context_version, consent_version=slot.consent_version, context=b"nudge"
    )
    assert await store.commit([late]) == [False]
    assert (await store.load([ANNA]))[0].context == b"before"


async def test_a_conflict_of_one_customer_leaves_the_others_alone(store: Store) -> None:
    await write(store, ANNA)
    changes = [Write(h=h, context_version=b"", consent_version=b"", context=b"new") for h in (ANNA, BEN)]
    assert await store.commit(changes) == [False, True]


async def test_a_write_that_keeps_both_values_still_asks_for_both_versions(store: Store) -> None:
    stale = Write(h=ANNA, context_version=b"", consent_version=b"", out_put=(("p", b"o"),))
    await write(store, ANNA)
    assert await store.commit([stale]) == [False]


async def test_keeping_deleting_and_replacing_are_three_different_things(store: Store) -> None:
    await write(store, ANNA, b"context", consent=b"consent")
    assert await write(store, ANNA, None, consent=b"consent 2")
    assert (await store.load([ANNA]))[0].context == b"context"
    assert await write(store, ANNA, b"")
    (slot,) = await store.load([ANNA])
    assert (slot.context_version, slot.context, slot.consent) == (b"", b"", b"consent 2")


async def test_deleting_both_values_leaves_no_trace(store: Store, world: World) -> None:
    await write(store, ANNA, b"context", consent=b"consent", out_put=(("p", b"o"),))
    await write(store, ANNA, b"", consent=b"", out_drop=("p",))
    assert [key for key in await world.keys() if ANNA in key] == []


async def test_a_context_created_again_never_has_a_version_it_had_before(store: Store) -> None:
    versions = set()
    for _ in range(20):
        await write(store, ANNA)
        versions.add((await store.load([ANNA]))[0].context_version)
        await write(store, ANNA, b"")
    assert len(versions) == 20


async def test_outputs_are_put_replaced_and_dropped_by_source_position(store: Store) -> None:
    await write(store, ANNA, out_put=(("a", b"1"), ("b", b"2"), ("c", b"3")))
    await write(store, ANNA, out_drop=("a", "c", "absent"), out_put=(("b", b"4"), ("c", b"5"), ("d", b"")))
    asked = [(ANNA, "a"), (ANNA, "d"), (BEN, "b"), (ANNA, "b"), (ANNA, "c")]
    assert await store.load_outs(asked) == [None, b"", None, b"4", b"5"]


async def test_every_action_on_context_consent_and_outputs_combines_with_every_other(store: Store) -> None:
    hs, changes, expected = [], [], []
    for context in (None, b"", b"new"):
        for consent in (None, b"", b"new"):
            for put, drop in (((), ()), ((("p", b"new"),), ()), ((), ("p",))):
                h = ID_KEY.h(f"{context!r} {consent!r} {put} {drop}")
                await write(store, h, b"old", consent=b"old", out_put=(("p", b"old"),))
                hs.append(h)
                output = b"new" if put else None if drop else b"old"
                expected.append(
                    (b"old" if context is None else context, b"old" if consent is None else consent, output)
                )
                (slot,) = await store.load([h])
                changes.append(change_of(slot, context, consent=consent, out_put=put, out_drop=drop))
    assert await store.commit(changes) == [True] * 27
    outs = await store.load_outs([(h, "p") for h in hs])
    found = [(s.context, s.consent, o) for s, o in zip(await store.load(hs), outs, strict=True)]
    assert found == expected


async def test_a_context_and_its_outputs_live_as_long_as_they_are_told(store: Store, world: World) -> None:
    await write(store, ANNA, consent=b"c", context_ttl_ms=30, out_put=(("p", b"o"),))
    await write(store, BEN, context_ttl_ms=TTL_MS_MAX, out_put=(("p", b"o"),))
    await world.pass_ms(40)
    anna, ben = await store.load([ANNA, BEN])
    assert (anna.context, anna.consent, ben.context) == (b"", b"c", b"context")
    assert await store.load_outs([(ANNA, "p"), (BEN, "p")]) == [None, b"o"]


async def test_a_write_without_a_time_to_live_lifts_the_earlier_one(store: Store, world: World) -> None:
    await write(store, ANNA, context_ttl_ms=30, out_put=(("p", b"o"),))
    await write(store, ANNA, out_put=(("q", b"o"),))
    await world.pass_ms(40)
    assert (await store.load([ANNA]))[0].context == b"context"
    assert await store.load_outs([(ANNA, "p")]) == [b"o"]


ALL = range(BUCKETS)
DUE_MS = 1_000_000


async def claim(store: Store, due_ms: int, limit: int = 100, wall_ms: int = NOW_MS) -> list[Hint]:
    return await store.claim_hints(ALL, due_ms=due_ms, wall_ms=wall_ms, limit=limit)


async def claimed(store: Store, due_ms: int, limit: int = 100, wall_ms: int = NOW_MS) -> list[bytes]:
    return [hint.member for hint in await claim(store, due_ms, limit, wall_ms)]


async def test_a_hint_is_claimed_when_its_time_has_come_and_not_before(store: Store) -> None:
    await write(store, ANNA, hints=((b"early", 1_000), (b"late", 2_000)))
    assert await claim(store, 999) == []
    (hint,) = await claim(store, 1_000)
    assert (hint.bucket, hint.member, hint.due_ms) == (bucket_of(ANNA), b"early", 1_000)


async def test_due_hints_of_a_bucket_come_earliest_first_and_at_most_so_many(store: Store) -> None:
    await write(store, ANNA, hints=((b"c", 3), (b"a", 1), (b"b", 2)))
    assert [await claimed(store, 5, limit=2), await claimed(store, 5, limit=2)] == [[b"a", b"b"], [b"c"]]


@pytest.mark.parametrize("limit", [0, HINTS_A_CALL_MAX + 1])
async def test_a_claim_of_none_or_too_many_is_refused_with_both_numbers(store: Store, limit: int) -> None:
    with pytest.raises(ValueError, match=f"limit {limit} is not within 1 and {HINTS_A_CALL_MAX}"):
        await claim(store, 1, limit)


async def test_as_many_hints_as_a_call_takes_are_claimed_and_dropped_at_once(store: Store) -> None:
    await write(store, ANNA, hints=tuple((b"%d" % i, 1) for i in range(HINTS_A_CALL_MAX + 1)))
    first = await claim(store, 1, HINTS_A_CALL_MAX)
    hints = first + await claim(store, 1, HINTS_A_CALL_MAX)
    assert (len(first), len(hints)) == (HINTS_A_CALL_MAX, HINTS_A_CALL_MAX + 1)
    await store.drop_hints(hints)
    assert await store.waiting_hints(ALL) == Waiting(0, None)


@pytest.mark.parametrize("due_ms", [DUE_MS, NOW_MS])
async def test_a_claimed_hint_comes_again_when_its_claim_ran_out_unless_it_is_dropped(
    store: Store, due_ms: int
) -> None:
    """Claims follow wall time, also where due times follow records of another day."""
    await write(store, ANNA, hints=((b"kept", due_ms), (b"done", due_ms)))
    await store.drop_hints([hint for hint in await claim(store, due_ms) if hint.member == b"done"])
    await store.drop_hints([])
    assert await claimed(store, due_ms, wall_ms=NOW_MS + CLAIM_MS - 1) == []
    (again,) = await claim(store, due_ms, wall_ms=NOW_MS + CLAIM_MS)
    assert (again.member, again.due_ms) == (b"kept", None)
    await store.drop_hints([again])
    assert await store.waiting_hints(ALL) == Waiting(0, None)


async def test_a_hint_put_anew_since_it_was_claimed_is_not_dropped(store: Store) -> None:
    await write(store, ANNA, hints=((b"timer", 1_000),))
    hints = await claim(store, 1_000)
    await write(store, ANNA, None, hints=((b"timer", 2_000),))
    await store.drop_hints(hints)
    assert await claimed(store, 2_000) == [b"timer"]


async def test_a_hint_that_another_claimed_since_is_not_dropped(store: Store) -> None:
    await write(store, ANNA, hints=((b"timer", 1_000),))
    hints = await claim(store, 1_000)
    assert await claimed(store, 1_000, wall_ms=NOW_MS + CLAIM_MS) == [b"timer"]
    await store.drop_hints(hints)
    assert await claimed(store, 1_000, wall_ms=NOW_MS + 2 * CLAIM_MS) == [b"timer"]


async def test_a_claim_of_a_clock_that_was_set_back_an_hour_does_not_stand_for_that_hour(
    store: Store,
) -> None:
    await write(store, ANNA, hints=((b"timer", 1),))
    assert await claimed(store, 1, wall_ms=NOW_MS + 3_600_000) == [b"timer"]
    assert await claimed(store, 1) == [b"timer"]
    assert await claimed(store, 1) == []


async def test_a_claim_of_a_clock_that_is_a_little_ahead_stands(store: Store) -> None:
    await write(store, ANNA, hints=((b"timer", 1),))
    await claim(store, 1, wall_ms=NOW_MS + AHEAD_MS_MAX)
    assert await claimed(store, 1) == []


async def test_a_claim_that_ran_out_comes_before_what_is_due(store: Store) -> None:
    await write(store, ANNA, hints=((b"first", 1),))
    await claim(store, 1)
    await write(store, ANNA, None, hints=((b"second", 1),))
    wall_ms = NOW_MS + CLAIM_MS
    assert [await claimed(store, 1, limit=1, wall_ms=wall_ms) for _ in "ab"] == [[b"first"], [b"second"]]


async def test_a_hint_set_again_only_gets_its_new_time(store: Store) -> None:
    await write(store, ANNA, hints=((b"timer", 1_000),))
    await write(store, ANNA, None, hints=((b"timer", 2_000),))
    assert [await claimed(store, 1_999), await claimed(store, 2_000)] == [[], [b"timer"]]


async def test_a_hint_without_a_time_is_removed_claimed_or_not(store: Store) -> None:
    await write(store, ANNA, hints=((b"waits", 2), (b"claimed", 1), (b"other", 3)))
    await claim(store, 1)
    await write(store, ANNA, b"", hints=((b"waits", None), (b"claimed", None), (b"absent", None)))
    assert await claimed(store, 9, wall_ms=NOW_MS + CLAIM_MS) == [b"other"]


async def test_waiting_hints_are_counted_with_the_first_due_time_of_those_that_nobody_claimed(
    store: Store,
) -> None:
    assert await store.waiting_hints(ALL) == Waiting(0, None)
    await write(store, ANNA, hints=((b"a", 5), (b"b", 7)))
    await write(store, BEN, hints=((b"c", 6),))
    assert await store.waiting_hints(ALL) == Waiting(3, 5)
    await claim(store, 5)
    assert await store.waiting_hints(ALL) == Waiting(3, 6)
    assert await store.waiting_hints([bucket_of(ANNA)]) == Waiting(2, 7)


async def test_no_hint_is_claimed_or_dropped_in_another_life_of_the_store(store: Store, world: World) -> None:
    await write(store, ANNA, hints=((b"timer", 1),))
    (hint,) = await claim(store, 1)
    await world.put(KEYS[hint.bucket].epoch, b"another")
    for call in (lambda: claim(store, 1), lambda: store.drop_hints([hint])):
        with pytest.raises(EpochMissing):
            await call()


async def test_a_conflict_sets_no_hint(store: Store) -> None:
    await write(store, ANNA)
    stale = Write(h=ANNA, context_version=b"", consent_version=b"", hints=((b"timer", 1),))
    assert await store.commit([stale]) == [False]
    assert await claimed(store, 1) == []


async def test_hints_stand_behind_outputs_and_values_in_one_write(store: Store) -> None:
    changes = [
        Write(
            h=h,
            context_version=b"",
            consent_version=b"",
            context=b"x",
            consent=b"y",
            out_put=(("p", h.encode()),),
            hints=((h.encode(), 1),),
        )
        for h in (ANNA, BEN)
    ]
    assert await store.commit(changes) == [True, True]
    assert await store.load_outs([(ANNA, "p"), (BEN, "p")]) == [ANNA.encode(), BEN.encode()]
    assert sorted(await claimed(store, 1)) == sorted([ANNA.encode(), BEN.encode()])


async def test_two_writes_for_one_customer_are_refused_as_a_whole(store: Store) -> None:
    change = Write(h=ANNA, context_version=b"", consent_version=b"", context=b"x")
    with pytest.raises(ValueError, match="same customer"):
        await store.commit([change, change])
    assert (await store.load([ANNA]))[0].context == b""


@pytest.mark.parametrize("ttl_ms", [-1, TTL_MS_MAX + 1])
async def test_a_time_to_live_out_of_bounds_is_refused_with_both_numbers(store: Store, ttl_ms: int) -> None:
    change = Write(h=ANNA, context_version=b"", consent_version=b"", context=b"x", context_ttl_ms=ttl_ms)
    with pytest.raises(ValueError, match=f"{ttl_ms} is not within 0 and {TTL_MS_MAX}"):
        await store.commit([change])


async def test_nothing_asked_is_nothing_answered(store: Store) -> None:
    assert [await store.load([]), await store.load_outs([]), await store.commit([])] == [[], [], []]


async def test_a_store_that_is_not_open_answers_nothing(world: World) -> None:
    with pytest.raises(StoreUnavailable, match="not open"):
        await world.store().load([ANNA])


async def test_a_worker_is_listed_until_its_state_expires(store: Store, world: World) -> None:
    await store.put_worker("w-1", b"one", 30)
    await store.put_worker("w-2", b"two", 60_000)
    assert await store.workers() == {"w-1": b"one", "w-2": b"two"}
    await world.pass_ms(40)
    assert await store.workers() == {"w-2": b"two"}


@pytest.mark.parametrize("worker", ["", "a b", "w{1}", "x" * 129])
async def test_a_worker_name_that_does_not_fit_a_key_is_refused(store: Store, worker: str) -> None:
    with pytest.raises(ValueError, match="worker's name"):
        await store.put_worker(worker, b"", 1_000)


async def test_no_key_holds_a_customer_id(store: Store, world: World) -> None:
    await write(store, ANNA, consent=b"c", out_put=(("p", b"o"),))
    assert [key for key in await world.keys() if "anna" in key] == []
    assert {key.split(":")[2] for key in await world.keys() if ANNA in key} == {"ctx", "con", "out"}


async def test_an_empty_store_is_not_trusted_unless_nothing_was_ever_decided(world: World) -> None:
    store = world.store()
    with pytest.raises(EpochMissing, match=r"sp:\{0\}:epoch is missing"):
        await store.open()
    with pytest.raises(EpochMissing):
        await store.load([ANNA])
    assert await world.keys() == []
    await store.open(fresh=True)
    assert await write(store, ANNA)


async def test_a_second_worker_finds_the_epoch_of_the_first(store: Store, world: World) -> None:
    await write(store, ANNA)
    second = world.store()
    await second.open()
    assert (await second.load([ANNA]))[0].context == b"context"


async def test_a_store_hashed_with_another_key_is_refused_and_stays_as_it_was(
    store: Store, world: World
) -> None:
    other = world.store(IdKey(b"another key, long enough"))
    with pytest.raises(WrongHashKey, match="STREAMPROC_ID_KEY_FILE"):
        await other.open(fresh=True)
    with pytest.raises(WrongHashKey):
        await other.load([ANNA])
    await world.store().open()


async def test_another_hash_key_creates_nothing_in_an_emptied_store(store: Store, world: World) -> None:
    for names in KEYS:
        await world.delete(names.epoch)
    with pytest.raises(WrongHashKey):
        await world.store(IdKey(b"another key, long enough")).open(fresh=True)
    assert [key for key in await world.keys() if key.endswith(":epoch")] == []


@pytest.mark.parametrize("bucket", [0, BUCKETS - 1])
async def test_a_store_with_a_bucket_marked_as_lost_does_not_open(
    store: Store, world: World, bucket: int
) -> None:
    await world.put(KEYS[bucket].epoch, b"lost")
    with pytest.raises(LostWrites):
        await world.store().open(fresh=True)


@pytest.mark.parametrize("bucket", [0, bucket_of(ANNA)])
async def test_a_bucket_without_its_epoch_takes_and_gives_nothing(
    store: Store, world: World, bucket: int
) -> None:
    h = next(h for h in (ID_KEY.h(f"c-{i}") for i in range(9_999)) if bucket_of(h) == bucket)
    await write(store, h, b"before")
    (slot,) = await store.load([h])
    await world.delete(KEYS[bucket].epoch)
    change = Write(h=h, context_version=slot.context_version, consent_version=b"", context=b"after")
    with pytest.raises(EpochMissing, match=rf"sp:\{{{bucket}\}}:epoch is missing"):
        await store.commit([change])
    with pytest.raises(EpochMissing):
        await world.store().open()


async def test_losing_any_bucket_is_noticed_by_a_ping(store: Store, world: World) -> None:
    await store.ping()
    await world.delete(KEYS[BUCKETS - 1].epoch)
    with pytest.raises(EpochMissing):
        await store.ping()


async def test_a_refused_store_stays_shut_until_it_is_opened_again(store: Store, world: World) -> None:
    await world.put(KEYS[5].epoch, b"another life")
    with pytest.raises(EpochMissing, match="another life"):
        await store.ping()
    with pytest.raises(EpochMissing):
        await store.load([ANNA])
    await world.flush()
    await store.open(fresh=True)
    assert await write(store, ANNA)


async def test_an_emptied_store_answers_no_load_and_takes_no_commit(store: Store, world: World) -> None:
    other = world.store()
    await other.open()
    await world.flush()
    with pytest.raises(EpochMissing, match="When Redis lost its state"):
        await store.load([ANNA])
    with pytest.raises(EpochMissing, match="When Redis lost its state"):
        await other.commit([Write(h=ANNA, context_version=b"", consent_version=b"", context=b"x")])
    assert await world.keys() == []


@pytest.mark.parametrize("notice", ["load", "commit", "ping"])
async def test_a_count_that_went_back_shuts_the_store_for_every_worker(
    store: Store, world: World, notice: str
) -> None:
    other = world.store()
    await other.open()
    for _ in range(3):
        await write(store, ANNA)
    (slot,) = await store.load([ANNA])
    await world.put(KEYS[bucket_of(ANNA)].count, b"2")
    change = Write(h=ANNA, context_version=slot.context_version, consent_version=b"", context=b"late")
    asks: dict[str, Callable[[], Awaitable[object]]] = {
        "load": partial(store.load, [ANNA]),
        "commit": partial(store.commit, [change]),
        "ping": store.ping,
    }
    with pytest.raises(LostWrites, match="lost writes that it had confirmed"):
        await asks[notice]()
    with pytest.raises(LostWrites):
        await other.load([ANNA])
    with pytest.raises(LostWrites):
        await world.store().open(fresh=True)


async def test_a_bucket_marked_as_lost_takes_no_commit_and_says_so(store: Store, world: World) -> None:
    await world.put(KEYS[bucket_of(ANNA)].epoch, b"lost")
    with pytest.raises(LostWrites):
        await store.commit([Write(h=ANNA, context_version=b"", consent_version=b"", context=b"x")])


async def test_nudges_are_paid_for_in_turn_while_the_days_money_lasts(store: Store) -> None:
    spending = await store.spend("2026-11-27", 12, [("a", 5), ("b", 5), ("c", 5), ("d", 2)])
    assert (spending.paid, spending.total_minor) == ([True, True, False, True], 12)


async def test_a_nudge_is_paid_for_once_however_often_it_is_asked_about(store: Store) -> None:
    for _ in range(3):
        spending = await store.spend("2026-11-27", 10, [("a", 5), ("a", 5)])
        assert (spending.paid, spending.total_minor) == ([True, True], 5)
    assert (await store.spend("2026-11-27", 4, [("a", 5)])).paid == [True]


async def test_each_day_has_its_own_money_and_a_refusal_spends_none(store: Store) -> None:
    assert (await store.spend("2026-11-27", 3, [("a", 5)])).total_minor == 0
    assert (await store.spend("2026-11-28", 5, [("a", 5)])).total_minor == 5
    assert (await store.spend("2026-11-27", 5, [("a", 5)])).paid == [True]


async def test_all_workers_share_the_days_money(world: World) -> None:
    one, other = world.store(), world.store()
    await one.open(fresh=True)
    await other.open()
    costs = [[(f"{name}-{number}", 3)] for number in range(20) for name in "xy"]
    stores = [one, other] * 20
    spent = await asyncio.gather(
        *(store.spend("2026-11-27", 50, cost) for store, cost in zip(stores, costs, strict=True))
    )
    assert sum(one.paid[0] for one in spent) == 16
    assert max(one.total_minor for one in spent) == 48
    await one.close()
    await other.close()


async def test_nothing_is_paid_from_a_store_that_lost_its_state(world: World, store: Store) -> None:
    await world.flush()
    with pytest.raises(EpochMissing):
        await store.spend("2026-11-27", 10, [("a", 5)])


async def test_messages_and_opt_outs_count_once_however_often_they_are_told(store: Store) -> None:
    for _ in range(3):
        await store.count_messages({("look:0", 7): ["a", "b", "b"], ("look:0", 8): ["c", "d", "e"]}, DAY_MS)
        await store.count_opt_outs("complained", [("look:0", 7)], ["a", "b", "a"], DAY_MS)
        counted = await store.count_opt_outs(
            "complained", [("look:0", 8), ("look:0", 7), ("look:0", 6)], ["c"], DAY_MS
        )
    assert counted == [OptedOut(1, 3), OptedOut(2, 2), OptedOut(0, 0)]


async def test_scopes_days_and_kinds_that_are_not_asked_about_do_not_count(store: Store) -> None:
    for tally in (("look:0", 5), ("look:9", 8), ("other:0", 8)):
        await store.count_messages({tally: ["a", "b"]}, DAY_MS)
        await store.count_opt_outs("complained", [tally], ["a"], DAY_MS)
    await store.count_messages({("look:0", 8): ["c"]}, DAY_MS)
    await store.count_opt_outs("unsubscribed", [("look:0", 8)], ["a", "b"], DAY_MS)
    counted = await store.count_opt_outs("complained", [("look:0", 8), ("look:0", 7)], ["c"], DAY_MS)
    assert counted == [OptedOut(1, 1), OptedOut(0, 0)]


async def test_a_pause_falls_to_the_first_who_claims_it_and_to_it_again_when_it_asks_again(
    world: World, store: Store
) -> None:
    claims = [["a", "b"], ["c"], ["b"], ["c", "a"], ["a"]]
    assert [await store.claim_pause("look:0", names) for names in claims] == [True, False, False, True, True]
    assert await store.claim_pause("look:9", ["c"])
    await world.delete(KEYS[0].pausing + "look:0")  # As it goes by itself after a while.
    assert [await store.claim_pause("look:0", [name]) for name in "ca"] == [True, False]


async def test_what_is_counted_is_forgotten_in_time(world: World, store: Store) -> None:
    await store.count_messages({SCOPE: ["a", "b"]}, 30)
    await store.count_opt_outs("unsubscribed", [SCOPE], ["a"], 30)
    await world.pass_ms(40)
    assert await store.count_opt_outs("unsubscribed", [SCOPE], ["b"], DAY_MS) == [OptedOut(1, 0)]


async def test_all_workers_count_together_and_a_pause_falls_to_one_of_them(world: World) -> None:
    one, other = world.store(), world.store()
    await one.open(fresh=True)
    await other.open()
    names = [f"m-{number}" for number in range(20)]
    told = list(zip([one, other] * 10, names, strict=True))
    await asyncio.gather(*(by.count_messages({SCOPE: [name]}, DAY_MS) for by, name in told))
    counted = await asyncio.gather(
        *(by.count_opt_outs("unsubscribed", [SCOPE], [name], DAY_MS) for by, name in told)
    )
    claimed = await asyncio.gather(*(by.claim_pause(SCOPE[0], [name]) for by, name in told))
    assert max(one.opt_outs for (one,) in counted) == 20
    assert claimed.count(True) == 1
    await one.close()
    await other.close()


async def test_nothing_is_counted_in_a_store_that_lost_its_state(world: World, store: Store) -> None:
    await world.flush()
    with pytest.raises(EpochMissing):
        await store.count_messages({SCOPE: ["a"]}, DAY_MS)
    with pytest.raises(EpochMissing):
        await store.count_opt_outs("unsubscribed", [SCOPE], ["a"], DAY_MS)
    with pytest.raises(EpochMissing):
        await store.claim_pause(SCOPE[0], ["a"])


async def test_a_channels_slots_lie_an_interval_apart(store: Store) -> None:
    later = [NOW_MS + 10_000] * 4
    assert await store.slots("sms", NOW_MS, 250, later) == [NOW_MS, NOW_MS + 250, NOW_MS + 500, NOW_MS + 750]
    assert await store.slots("sms", NOW_MS + 100, 250, later[:1]) == [NOW_MS + 1_000]
    assert await store.slots("push", NOW_MS, 250, later[:1]) == [NOW_MS]
    assert await store.slots("sms", NOW_MS + 5_000, 250, later[:1]) == [NOW_MS + 5_000]


async def test_a_nudge_that_expires_before_its_slot_gets_none_and_takes_none(store: Store) -> None:
    expiries = [NOW_MS + 9_000, NOW_MS + 1_000, NOW_MS + 1_001, NOW_MS + 9_000]
    given = await store.slots("sms", NOW_MS, 1_000, expiries)
    assert given == [NOW_MS, None, NOW_MS + 1_000, NOW_MS + 2_000]


async def test_slots_closer_than_a_millisecond_add_up(store: Store) -> None:
    for _ in range(2):
        given = await store.slots("push", NOW_MS, 0.125, [NOW_MS + 10_000] * 8_000)
    assert (given[0], given[-1]) == (NOW_MS + 1_000, NOW_MS + 2_000)


async def test_all_workers_share_the_slots(world: World) -> None:
    one, other = world.store(), world.store()
    await one.open(fresh=True)
    await other.open()
    later = [NOW_MS + 1_000_000]
    given = await asyncio.gather(*((one, other)[n % 2].slots("sms", NOW_MS, 1_000, later) for n in range(30)))
    assert sorted(slot for (slot,) in given if slot) == [NOW_MS + n * 1_000 for n in range(30)]
    await one.close()
    await other.close()
