"""What docs/operations.md says under "When Redis lost its state" works: with an older copy, and with nothing left."""

from __future__ import annotations

import shutil

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from redis import Redis

from streamproc.flow.admin import KafkaAdmin
from tests.e2e.installation import LANES, Installation, WorkerProcess, until
from tests.kafka.brokers import Tansu

pytestmark = pytest.mark.timeout(180)

FACTS = ("consents", "profiles", "outcomes", "privacy-requests")


async def stopped(worker: WorkerProcess) -> None:
    worker.stop()
    await until(lambda: worker.process.poll() is not None, "the worker did not stop", 30)


async def set_back(shop: Installation, committed: dict[tuple[str, int], int]) -> None:
    """Do what `kafka-consumer-groups.sh --reset-offsets` does on the four topics of facts."""
    if isinstance(shop.broker, Tansu):
        # It takes commits from members of the group alone; a group without commits begins at the beginning.
        shop.group += "-2"
        return
    consumer = AIOKafkaConsumer(
        bootstrap_servers=shop.broker.bootstrap, group_id=shop.group, enable_auto_commit=False
    )
    await consumer.start()
    consumer.assign([TopicPartition(shop.prefix + topic, lane) for topic in FACTS for lane in range(LANES)])
    wanted = {
        TopicPartition(shop.prefix + topic, lane): committed[topic, lane]
        for topic in FACTS
        for lane in range(LANES)
    }
    await consumer.commit(wanted)
    await consumer.stop()


async def test_with_an_older_copy_and_the_facts_read_again_no_withdrawal_is_forgotten(
    shop: Installation,
) -> None:
    await shop.opt_in(["c-1", "c-2"], "push")
    first = shop.worker()
    await first.ready()
    await shop.caught_up()
    live, copy = shop.redis.directory / "appendonlydir", shop.folder / "copy"
    shutil.copytree(live, copy)
    committed = await shop.committed()
    await shop.withdraw("c-1", "push")
    await shop.caught_up()
    await stopped(first)
    shop.redis.kill()
    shutil.rmtree(live)
    shutil.copytree(copy, live)
    shop.redis.start()
    await set_back(shop, committed)
    await shop.worker().ready()
    await shop.caught_up()
    await shop.view("c-1", "c-2")
    await shop.caught_up()
    assert [nudge["customer_id"] for nudge in await shop.nudges()] == ["c-2"]


async def test_a_mark_of_lost_writes_is_removed_with_the_token_of_another_bucket(shop: Installation) -> None:
    first = shop.worker()
    await first.ready()
    await stopped(first)
    with Redis.from_url(shop.redis.url) as client:
        client.set("sp:{5}:epoch", b"lost")
        code, said = await shop.command("doctor")
        assert (code, "lost writes" in said) == (1, True), said
        client.set("sp:{5}:epoch", client.get("sp:{6}:epoch") or b"")
    await shop.worker().ready()


async def test_with_nothing_left_a_new_life_begins_with_all_consents_and_says_nothing_unasked(
    shop: Installation,
) -> None:
    await shop.opt_in(["c-1", "c-2", "c-3"], "push")
    first = shop.worker()
    await first.ready()
    await shop.withdraw("c-1", "push")
    await shop.caught_up()
    await shop.view("c-2")
    await shop.caught_up()
    with Redis.from_url(shop.redis.url) as client:
        client.flushdb()
    await stopped(first)
    code, said = await shop.command("status")
    assert (code, "customer state was lost" in said, "no worker is alive" in said) == (69, True, False), said
    code, said = await shop.command("stop-all", "--reason", "Redis lost its state")
    assert (code, "written at offset" in said) == (69, True), said
    async with KafkaAdmin.connect(shop.broker.bootstrap) as admin:
        await admin.delete([f"{shop.prefix}ledger"])
    assert (await shop.command("topics", "apply"))[0] == 0
    shop.group += "-2"
    await shop.worker().ready()
    await shop.caught_up()
    assert len(await shop.nudges()) == 1, "what was decided in silence was said"
    assert (await shop.command("resume-all"))[0] == 0
    await shop.view("c-1", "c-3", item="coat-2")
    await shop.caught_up()
    assert {nudge["customer_id"] for nudge in await shop.nudges()} == {"c-2", "c-3"}
