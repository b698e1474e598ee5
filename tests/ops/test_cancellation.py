"""A cancellation that comes as the work ends is not lost."""

from __future__ import annotations

import asyncio
import sys

import pytest

from streamproc.ops.cancellation import keep_cancellations, wait_for


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio, "wait_for", asyncio.wait_for)


@pytest.mark.skipif(sys.version_info < (3, 11, 3), reason="Python before 3.11.3 cannot be mended so")
async def test_a_cancellation_that_comes_as_the_work_ends_is_passed_on() -> None:
    keep_cancellations()
    work: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(asyncio.wait_for(work, 10))
    await asyncio.sleep(0)
    work.set_result(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_it_returns_what_was_waited_for_and_raises_what_that_raised() -> None:
    async def breaks() -> None:
        raise LookupError

    assert await wait_for(asyncio.sleep(0, 7), None) == 7
    assert await wait_for(asyncio.sleep(0, 7), 10) == 7
    with pytest.raises(LookupError):
        await wait_for(breaks(), 10)


@pytest.mark.parametrize("timeout_s", [0, -1, 0.001])
async def test_it_gives_up_in_time_and_cancels_what_it_waited_for(timeout_s: float) -> None:
    work = asyncio.ensure_future(asyncio.Event().wait())
    with pytest.raises(TimeoutError):
        await wait_for(work, timeout_s)
    assert work.cancelled()


async def test_what_is_done_already_needs_no_time() -> None:
    work = asyncio.ensure_future(asyncio.sleep(0, 7))
    await work
    assert await wait_for(work, 0) == 7
