"""The config feed on a real broker: an "off" counts at once, and nothing broken is ever taken."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator

import pytest

from streamproc.core.policy.bundle import to_document
from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Policy
from streamproc.flow import config_feed
from streamproc.flow.config_feed import ConfigFeed, ConfigUnreadable
from tests.core.shopper import DAY_MS
from tests.e2e.installation import POLICY, Installation, until

pytestmark = pytest.mark.timeout(60)


@contextlib.asynccontextmanager
async def following(shop: Installation) -> AsyncIterator[ConfigFeed]:
    default = load(POLICY, "default")
    feed = ConfigFeed(shop.broker.bootstrap, default, event_age_max_ms=DAY_MS, prefix=shop.prefix)
    await feed.start()
    task = asyncio.create_task(feed.run())
    try:
        yield feed
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await feed.stop()


def document(version: str) -> bytes:
    return to_document(load(POLICY, version))


async def write(shop: Installation, *rows: tuple[str, object]) -> None:
    await shop.produce("config", rows, partition=0)


async def applied(feed: ConfigFeed, offset: int) -> None:
    await until(lambda: feed.rules().config_offset >= offset, f"offset {offset} was not applied", 20)


async def test_an_off_counts_while_a_policy_that_came_with_it_is_still_compiled(
    shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = threading.Event()

    def slowly(text: bytes, _plugins: object) -> Policy:
        assert finish.wait(20)
        return load(json.loads(text)["files"], "v2")

    monkeypatch.setattr(config_feed, "from_document", slowly)
    async with following(shop) as feed:
        off = ("channel/push", {"enabled": False})
        await write(shop, ("policy/v2", document("v2")), ("policy", {"version": "v2"}), off)
        await until(lambda: feed.rules().switches.channel_off("push"), "the switch was not applied", 5)
        await until(lambda: not feed.is_confirmed(), "the lease outlives what is not applied", 5)
        assert (feed.rules().policy.version, feed.rules().config_offset) == ("default", 0)
        finish.set()
        await applied(feed, 3)
        await until(feed.is_confirmed, "the lease did not come back", 5)
        assert (feed.rules().policy.version, feed.trouble) == ("v2", None)


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([("policy", {"version": "v9"})], "no such policy on config"),
        ([("policy/v9", b"{"), ("policy", {"version": "v9"})], "is not a policy document"),
        (
            [("policy/v9", {"version": "v9", "files": {}}), ("policy", {"version": "v9"})],
            "cannot be read (and 3 more)",
        ),
        ([("policy/v9", document("v8")), ("policy", {"version": "v9"})], "calls itself v8"),
        ([("policy", b"\xff\xfe")], "cannot be read"),
        ([("policy", {"version": 9})], "cannot be read"),
    ],
)
async def test_a_broken_policy_is_refused_and_the_running_one_stays(
    shop: Installation, rows: list[tuple[str, object]], why: str
) -> None:
    async with following(shop) as feed:
        await write(shop, ("policy/v2", document("v2")), ("policy", {"version": "v2"}))
        await applied(feed, 2)
        await write(shop, *rows)
        await applied(feed, 2 + len(rows))
        assert feed.rules().policy.version == "v2"
        assert feed.trouble is not None
        assert why in feed.trouble
        assert feed.is_confirmed()


async def test_who_starts_under_a_broken_policy_waits_for_another_and_never_runs_the_default(
    shop: Installation,
) -> None:
    await write(shop, ("policy/v9", b"{"), ("policy", {"version": "v9"}))
    feed = ConfigFeed(
        shop.broker.bootstrap, load(POLICY, "default"), event_age_max_ms=DAY_MS, prefix=shop.prefix
    )
    try:
        for _ in range(2):
            with pytest.raises(ConfigUnreadable, match=r"policy v9 refused: .* is not a policy document"):
                await feed.start()
            assert not feed.is_confirmed()
        await write(shop, ("policy/v2", document("v2")), ("policy", {"version": "v2"}))
        await feed.start()
        assert (feed.rules().policy.version, feed.trouble) == ("v2", None)
        assert feed.is_confirmed()
    finally:
        await feed.stop()


async def test_a_compiler_that_breaks_ends_nobody(
    shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_text: bytes, _plugins: object) -> Policy:
        raise RecursionError

    monkeypatch.setattr(config_feed, "from_document", breaks)
    async with following(shop) as feed:
        await write(shop, ("policy/v2", document("v2")), ("policy", {"version": "v2"}))
        await applied(feed, 2)
        assert feed.trouble == "v2 refused: it cannot be compiled: RecursionError"


async def test_a_pointer_that_is_deleted_returns_to_the_default_policy(shop: Installation) -> None:
    async with following(shop) as feed:
        await write(shop, ("policy/v2", document("v2")), ("policy", {"version": "v2"}))
        await applied(feed, 2)
        await write(shop, ("policy", None))
        await applied(feed, 3)
        assert (feed.rules().policy.version, feed.trouble) == ("default", None)


async def test_a_switch_that_cannot_be_read_is_off_and_a_deleted_one_is_on(shop: Installation) -> None:
    async with following(shop) as feed:
        await write(shop, ("channel/push", b"enabled: true"))
        await applied(feed, 1)
        assert feed.rules().switches.channel_off("push") is not None
        await write(shop, ("channel/push", None))
        await applied(feed, 2)
        assert feed.rules().switches.channel_off("push") is None


async def test_the_lease_runs_out_while_the_broker_does_not_answer(shop: Installation) -> None:
    async with following(shop) as feed:
        assert feed.is_confirmed()
        ask, feed._end = feed._end, never  # type: ignore[method-assign]
        await until(lambda: not feed.is_confirmed(), "the lease did not run out", 5)
        feed._end = ask  # type: ignore[method-assign]
        await until(feed.is_confirmed, "the lease did not come back", 5)


async def never() -> int:
    await asyncio.Event().wait()
    raise AssertionError("nobody sets it")
