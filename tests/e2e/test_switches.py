"""What operations switch off is not said any more, by any worker, within a second."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from functools import partial

import pytest

from streamproc.core.policy.loader import load
from streamproc.dry_run import NullMeter
from streamproc.flow.worker import Worker, WorkerConfig
from streamproc.store.keys import IdKey
from streamproc.store.redis_store import RedisStore
from tests.e2e.installation import POLICY, Installation, WorkerProcess, now_ms, until

pytestmark = pytest.mark.timeout(180)

CUSTOMERS = [f"c-{number}" for number in range(2_000)]


async def test_the_command_reports_when_two_workers_have_applied_a_switch_within_a_second(
    shop: Installation,
) -> None:
    await shop.opt_in(CUSTOMERS[:100], "push")
    workers = [shop.worker(), shop.worker()]
    for worker in workers:
        await worker.ready()
    code, text = await shop.command("channel", "off", "push", "--reason", "the gateway repeats", "--json")
    assert code == 0, text
    report = json.loads(text)
    assert [one["state"] for one in report["workers"]] == ["applied"] * 2, text
    assert report["took_ms"] <= 1_000, text
    await shop.view(*CUSTOMERS[:100])
    await shop.caught_up()
    assert await shop.nudges() == []
    details = {
        why["detail"] for one in await shop.values("decisions") for why in one["candidates"][0]["reasons"][:1]
    }
    assert details == {"push: the gateway repeats"}
    code, text = await shop.command("channel", "on", "push")
    assert code == 0, text
    await shop.view(*CUSTOMERS[:100])
    await shop.caught_up()
    assert len(await shop.nudges()) == 100
    await shop.holds()


async def test_a_channel_that_goes_off_during_a_backlog_hands_over_nothing_more(shop: Installation) -> None:
    await shop.opt_in(CUSTOMERS, "push")
    for item in ("coat-1", "coat-2", "coat-3"):
        await shop.view(*CUSTOMERS, item=item)
    shop.worker(UNIT_EVENTS_MAX="100")
    await until(lambda: shop.values("nudges.push"), "no nudge came")
    await shop.set_channel("push", {"enabled": False, "reason": "now"})
    await shop.caught_up(120)
    nudges = await shop.read("nudges.push")
    assert 0 < len(nudges) < len(CUSTOMERS)
    assert {dict(one.headers)["sp-config-offset"] for one in nudges} == {b"0"}
    report = await shop.holds()
    assert report.counts["I5"]["nudges"] == len(nudges)


async def test_a_switch_that_cannot_be_read_is_off(shop: Installation) -> None:
    await shop.opt_in(CUSTOMERS[:10], "push")
    worker = shop.worker()
    await worker.ready()
    await shop.set_channel("push", b"\xffon")
    await until(lambda: applied(worker, 1), "the switch was not applied")
    await shop.view(*CUSTOMERS[:10])
    await shop.caught_up()
    assert await shop.nudges() == []


async def said_before(shop: Installation, campaign: str, days: int) -> None:
    """Count 40 messages of a campaign on each of the days before, after which nobody unsubscribed."""
    store = RedisStore(shop.redis.url, id_check=IdKey.from_file(shop.folder / "id.key").check())
    await store.open()
    today = now_ms() // 86_400_000
    said = [f"m-{number}" for number in range(40)]
    await store.count_messages({(f"{campaign}:0", today - ago): said for ago in range(1, days + 1)}, 600_000)
    await store.close()


async def applied(worker: WorkerProcess, offset: int) -> bool:
    return await worker.metric("streamproc_config_applied_offset") >= offset


@pytest.mark.parametrize(
    ("kind", "says", "least", "messages"),
    [
        ("complained", r"complaints (0\.\d+) > 0\.02: (\d+) about (\d+) messages in 7 days", 4, 200),
        (
            "unsubscribed",
            r"unsubscriptions (0\.\d+) > 3 x 0\.002: (\d+) after (\d+) messages of .*",
            1,
            40,
        ),
    ],
    ids=["complained", "unsubscribed"],
)
async def test_a_campaign_after_which_too_many_opt_out_is_paused_by_one_worker_for_all_of_them(
    shop: Installation, kind: str, says: str, least: int, messages: int
) -> None:
    rule = "pause_campaign: {complaints: 0.02, messages_min: 30}\n"
    shop.policy = {**POLICY, "creep.yaml": POLICY["creep.yaml"] + rule}
    (shop.folder / "policy" / "creep.yaml").write_text(shop.policy["creep.yaml"])
    heard, others = CUSTOMERS[:40], CUSTOMERS[40:80]
    await shop.opt_in([*heard, *others], "push")
    workers = [shop.worker(), shop.worker()]
    for worker in workers:
        await worker.ready()
    await said_before(shop, "look", days=4)
    await shop.view(*heard)
    await shop.caught_up()
    nudges = await shop.nudges()
    assert len(nudges) == 40
    told = [{name: nudge[name] for name in ("nudge_id", "customer_id")} for nudge in nudges[:20]]
    await shop.produce(
        "outcomes", [(one["customer_id"], {**one, "kind": kind, "at_ms": now_ms()}) for one in told]
    )
    await shop.caught_up()
    for worker in workers:
        await until(partial(applied, worker, 1), "the switch was not applied")
    await shop.view(*others)
    await shop.caught_up()
    (pause,) = await shop.values("config")
    assert (pause["enabled"], pause["by"]) == (False, "streamproc")
    found = re.fullmatch(says, pause["reason"])
    assert found, pause["reason"]
    # All that one unit tells is counted before it is compared. Of 40 messages the count may by chance be one less.
    opted_out, counted = int(found[2]), int(found[3])
    assert least <= opted_out <= len(told)
    assert messages * 39 // 40 <= counted <= messages
    assert found[1] == f"{opted_out / counted:.4g}"
    assert len(await shop.nudges()) == 40
    assert sum([await worker.metric("streamproc_campaigns_paused_total") for worker in workers]) == 1
    await shop.holds()


async def test_a_worker_that_cannot_see_config_hands_over_nothing_until_it_can(shop: Installation) -> None:
    await shop.opt_in(["c-1"], "push")
    key = IdKey(b"a key that only these tests use")
    config = WorkerConfig(shop.broker.bootstrap, shop.group, "w-1", shop.prefix, session_timeout_ms=3_000)
    store = RedisStore(shop.redis.url, id_check=key.check())
    worker = Worker(config, store, key, load(POLICY), NullMeter())
    running = asyncio.create_task(worker.run())
    try:
        await until(lambda: worker.waits_for() == [], "the worker was not ready")
        # The lag counts what is not committed, and a commit comes a second after its records.
        await shop.caught_up()
        ask, worker.feed._end = worker.feed._end, _never  # type: ignore[method-assign]
        await until(lambda: not worker.gate.is_open(), "the gate stays open", 5)
        await shop.view("c-1")
        await until(lambda: shop.values("decisions"), "nothing was decided")
        assert (await shop.nudges(), await shop.lag()) == ([], 1)
        assert "config was last confirmed" in worker.waits_for()[0]
        worker.feed._end = ask  # type: ignore[method-assign]
        await until(shop.nudges, "the nudge did not come")
        await shop.caught_up()
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def _never() -> int:
    await asyncio.Event().wait()
    raise AssertionError("nobody sets it")
