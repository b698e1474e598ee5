"""The catalog on a real broker and a real Redis: known before anything is decided, and its news told once to each."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from streamproc.flow import catalog_feed
from streamproc.flow.catalog_feed import CatalogFeed
from tests.core.test_decide_catalog import BACK
from tests.e2e.installation import POLICY, Installation, now_ms, until
from tests.parts import view

pytestmark = pytest.mark.timeout(120)

WISHING = {
    **{name: text for name, text in POLICY.items() if "wish" not in name},
    "campaigns/back.yaml": BACK,
    "reasons.yaml": POLICY["reasons.yaml"].replace("{viewed", "{watching: Watched., viewed"),
}


@contextlib.asynccontextmanager
async def following(shop: Installation) -> AsyncIterator[CatalogFeed]:
    feed = CatalogFeed(shop.broker.bootstrap, prefix=shop.prefix)
    await feed.start()
    task = asyncio.create_task(feed.run())
    try:
        yield feed
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await feed.stop()


def use(shop: Installation, files: dict[str, str]) -> None:
    for path in (Path(shop.folder) / "policy" / "campaigns").iterdir():
        path.unlink()
    for name, text in files.items():
        (Path(shop.folder) / "policy" / name).write_text(text)
    shop.policy = files


async def test_all_that_was_said_is_known_once_the_feed_has_started_and_news_soon_after(
    shop: Installation,
) -> None:
    rows: list[tuple[str, object]] = [(f"item/i-{number}", {"available": True}) for number in range(2_000)]
    await shop.produce("catalog", [*rows, ("item/i-7", {"available": False}), ("item/i-8", None)])
    await shop.produce("catalog", [("item/i-9", {"available": "no"})])
    async with following(shop) as feed:
        assert (len(feed.catalog), feed.lag) == (1_998, 0)
        assert feed.catalog.available("i-0", "", now_ms()) is True
        assert feed.catalog.is_unavailable("i-7", "", now_ms())
        assert feed.catalog.offer("i-8") is None
        assert feed.catalog.offer("i-9") is None
        assert feed.refused == {"wrong_type": 1}
        await shop.produce("catalog", [("item/i-0", {"available": False})])
        await until(lambda: feed.catalog.is_unavailable("i-0", "", now_ms()), "no news of i-0", 5)


async def test_a_feed_that_falls_behind_believes_in_nothing_that_is_available(
    shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.produce("catalog", [("item/a", {"available": True}), ("item/b", {"available": False})])
    monkeypatch.setattr(catalog_feed, "BEHIND_SECONDS_MAX", 0.5)
    async with following(shop) as feed:

        async def fails() -> bool:
            raise TimeoutError

        with monkeypatch.context() as away:
            away.setattr(feed, "_follow", fails)
            await until(lambda: feed.catalog.is_doubtful, "it still believes", 5)
            assert feed.catalog.available("a", "", now_ms()) is None
            assert feed.catalog.is_unavailable("b", "", now_ms())
        await until(lambda: not feed.catalog.is_doubtful, "it never believes again", 5)
        assert feed.catalog.available("a", "", now_ms()) is True


async def test_an_item_that_is_gone_is_not_offered_by_a_worker_that_has_just_started(
    shop: Installation,
) -> None:
    await shop.opt_in(["c-1", "c-2"], "push")
    await shop.produce("catalog", [("item/coat-1", {"available": False})])
    await shop.view("c-1")
    await shop.view("c-2", item="coat-2")
    worker = shop.worker()
    await worker.ready()
    await shop.caught_up()
    assert [one["customer_id"] for one in await shop.nudges()] == ["c-2"]
    (silent,) = [one for one in await shop.values("decisions") if one["customer_id"] == "c-1"]
    assert silent["candidates"][0]["reasons"][0]["code"] == "item_unavailable"
    await shop.holds()


def wish(customer: str, message: str, item: str) -> dict[str, Any]:
    said = view(customer, message, now_ms(), item)
    return {**said, "event": "Product Added to Wishlist"}


async def test_every_watcher_hears_once_that_it_is_back_though_the_worker_is_killed_meanwhile(
    shop: Installation,
) -> None:
    use(shop, WISHING)
    customers = [f"c-{number}" for number in range(1_200)]
    await shop.opt_in(customers, "push")
    await shop.produce("clickstream", [(one, wish(one, f"w-{one}", "coat-1")) for one in customers])
    slowly = {"TELL_PER_SECOND": "400"}
    first = shop.worker(**slowly)
    await first.ready()
    await shop.caught_up()
    await shop.produce(
        "catalog", [("item/coat-1", {"available": False}), ("item/coat-2", {"available": "?"})]
    )
    await shop.produce("catalog", [("item/coat-1", {"available": True})])

    async def has_begun() -> bool:
        told = await shop.values("timers")
        return 0 < len(told) < len(customers)

    await until(has_begun, f"nobody is told: {first.tail()}", 30)
    first.kill()
    second = shop.worker(**slowly)

    async def all_heard() -> bool:
        return len({one["customer_id"] for one in await shop.nudges()}) == len(customers)

    await until(all_heard, f"not all heard: {second.tail()}", 60)
    await shop.caught_up()
    heard = Counter(one["customer_id"] for one in await shop.messages())
    assert (len(heard), set(heard.values())) == (len(customers), {1})
    letters = await shop.read("dead-letters")
    assert {json.loads(one.value or b"")["available"] for one in letters} == {"?"}
    assert await second.metric("streamproc_catalog_entries") == 1
    await shop.holds()
