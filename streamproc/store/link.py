"""Carry calls to Redis and bring every reply back, errors among them: one server, or a cluster.

Nothing is ever sent again here. redis-py repeats a whole pipeline after a timeout unless told not to; who
retries is the caller, after it has loaded again.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from itertools import count
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import hiredis
from redis.asyncio import RedisCluster
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.maint_notifications import MaintNotificationsConfig

from streamproc.store.base import StoreUnavailable

Call = tuple[Any, ...]
"""A command and its arguments."""
Reply = Any
"""What hiredis made of one reply; an error reply is a `ResponseError` value, not raised."""

CONNECTIONS_MAX: Final = 8
"""A worker runs a few units at a time; a ninth call waits for a connection, within its own time limit."""
READ_BYTES: Final = 256 * 1024
"""A load of 4,000 customers brings 4 to 8 MB; asyncio hands over at most this much at a time."""

_CLUSTER_SCHEMES: Final = {"redis+cluster": "redis", "rediss+cluster": "rediss"}


class Link(Protocol):
    """Reach Redis. Every method raises `StoreUnavailable` if it cannot."""

    async def exchange(self, calls: Sequence[Call]) -> list[Reply]:
        """Send all calls at once and return their replies in order."""
        ...

    async def everywhere(self, call: Call) -> list[Reply]:
        """Send a call to every primary and return all replies."""
        ...

    async def close(self) -> None: ...


def link_to(url: str, *, timeout_s: float) -> Link:
    """Return the link for the URL's scheme: `redis`, `rediss`, `unix`, `redis+cluster` or `rediss+cluster`."""
    scheme = urlsplit(url).scheme
    if scheme in _CLUSTER_SCHEMES:
        return ClusterLink(_CLUSTER_SCHEMES[scheme] + url.removeprefix(scheme), timeout_s=timeout_s)
    return ServerLink(url, timeout_s=timeout_s)


def where(url: str) -> str:
    """Return the part of a Redis URL that may be logged: no user, no password."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2] or parts.path
    return f"{parts.scheme}://{place}"


class ServerLink:
    """Talk to one server: all calls of an exchange are pipelined on one connection.

    An exchange ends with an ECHO of a token of its own. If the reply differs, or anything else goes wrong,
    also a cancellation, the connection is thrown away: a late reply can never be taken for the answer to
    another call.
    """

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self._where = where(url)
        self._timeout_s = timeout_s
        self._pool = ConnectionPool.from_url(
            url,
            protocol=3,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            socket_read_size=READ_BYTES,
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
        self._idle: list[AbstractConnection] = []
        self._slots = asyncio.Semaphore(CONNECTIONS_MAX)
        self._tokens = count(1)

    async def exchange(self, calls: Sequence[Call]) -> list[Reply]:
        try:
            async with asyncio.timeout(self._timeout_s), self._slots:
                return await self._exchange(calls)
        except TimeoutError as error:
            raise StoreUnavailable(
                f"STREAMPROC_REDIS_URL: {self._where} did not answer within {self._timeout_s:g} s"
            ) from error
        except (RedisError, OSError) as error:
            raise StoreUnavailable(f"STREAMPROC_REDIS_URL: {self._where}: {error}") from error

    async def _exchange(self, calls: Sequence[Call]) -> list[Reply]:
        connection = await self._connection()
        token = b"%d" % next(self._tokens)
        echo_call: Call = ("ECHO", token)
        whole = False
        try:
            pack = hiredis.pack_command
            payload = [pack(call) for call in (*calls, echo_call)]
            await connection.send_packed_command(payload, check_health=False)
            replies = [await _read(connection) for _ in calls]
            echo = await _read(connection)
            if isinstance(echo, ResponseError):  # BUSY, NOPERM: what refuses an ECHO refuses all the rest.
                raise echo
            if echo != token:
                raise StoreUnavailable(
                    f"STREAMPROC_REDIS_URL: {self._where} answered {echo!r} to ECHO {token!r}: "
                    "the connection was out of step and is closed"
                )
            whole = True
        finally:
            if whole:
                self._idle.append(connection)
            else:
                await connection.disconnect(nowait=True)
        return replies

    async def _connection(self) -> AbstractConnection:
        while self._idle:
            idle = self._idle.pop()
            # Bytes nobody asked for, or an end of stream: out of step, or the server restarted.
            if idle.is_connected and not await idle.can_read():
                return idle
            await idle.disconnect(nowait=True)
        # It connects at its first send, inside the part of the exchange that closes it if that fails.
        new: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        return new

    async def everywhere(self, call: Call) -> list[Reply]:
        return await self.exchange([call])

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().disconnect(nowait=True)


async def _read(connection: AbstractConnection) -> Reply:
    # The exchange as a whole has a time limit; a timer for each of its replies would only cost.
    try:
        return await connection.read_response(disable_decoding=True, timeout=math.inf)
    except ResponseError as error:
        return error


class ClusterLink:
    """Talk to a cluster: calls are gathered, since redis-py's cluster pipeline refuses EVALSHA and MGET."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self._where = where(url)
        self._timeout_s = timeout_s
        self._client: RedisCluster = RedisCluster.from_url(
            url,
            protocol=3,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )

    async def exchange(self, calls: Sequence[Call]) -> list[Reply]:
        return await self._all([self._client.execute_command(*call) for call in calls])

    async def everywhere(self, call: Call) -> list[Reply]:
        try:
            await self._client.initialize()
        except (RedisError, OSError) as error:
            raise StoreUnavailable(f"STREAMPROC_REDIS_URL: {self._where}: {error}") from error
        nodes = self._client.get_primaries()
        return await self._all([self._client.execute_command(*call, target_nodes=node) for node in nodes])

    async def _all(self, running: Sequence[Any]) -> list[Reply]:
        try:
            async with asyncio.timeout(self._timeout_s):
                replies = await asyncio.gather(*running, return_exceptions=True)
        except TimeoutError as error:
            raise StoreUnavailable(
                f"STREAMPROC_REDIS_URL: {self._where} did not answer within {self._timeout_s:g} s"
            ) from error
        for reply in replies:
            if isinstance(reply, ResponseError):
                continue
            if isinstance(reply, RedisError | OSError):
                raise StoreUnavailable(f"STREAMPROC_REDIS_URL: {self._where}: {reply}") from reply
            if isinstance(reply, BaseException):
                raise reply
        return list(replies)

    async def close(self) -> None:
        await self._client.aclose()
