"""Keep cancellations from getting lost in Python 3.11, so that a process that is told to stop does."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable
from typing import TypeVar

__all__ = ["keep_cancellations"]

T = TypeVar("T")


def keep_cancellations() -> None:
    """Let `asyncio.wait_for` pass on a cancellation that comes as what it waits for ends, as Python 3.12 does.

    Before, it returns the result and the cancellation is gone (python/cpython#86296). redis-py and Faust wait so in
    loops that only a cancellation ends, and where a loop's turn takes long the two meet often: under load one stop in
    three never ended. Call it before anything runs. It does nothing in later Pythons, nor before 3.11.3, where the
    timeouts that it stands on lose their way while a task is being cancelled.
    """
    if (3, 11, 3) <= sys.version_info < (3, 12):
        asyncio.wait_for = wait_for  # type: ignore[assignment]  # noqa: TID251 - mended here


async def wait_for(awaited: Awaitable[T], timeout: float | None) -> T:
    """Wait as `asyncio.wait_for` does, for `timeout` seconds or without end. Raises TimeoutError."""
    if timeout is not None and timeout <= 0:
        future = asyncio.ensure_future(awaited)
        if not future.done():
            future.cancel()
            await asyncio.wait({future})
        if future.cancelled():
            raise TimeoutError
        return future.result()
    async with asyncio.timeout(timeout):
        return await awaited
