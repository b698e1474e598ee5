"""Write to `config` and tell how the workers took it: what every steering command does."""

from __future__ import annotations

import getpass
import os
import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

import typer
from rich.markup import escape

from streamproc.ops.commands.terminal import FAILED, UNAVAILABLE, fail, mark, say, show_json
from streamproc.store.base import StoreUnavailable

if TYPE_CHECKING:
    from streamproc.ops.heartbeats import Rollout
    from streamproc.settings import Settings

__all__ = ["roll_out", "say_rollout", "who"]

_WORDS = {
    "applied": ("ok", "applied after {ms} ms"),
    "silent": ("ok", "fell silent, its lease has run out: it hands nothing over"),
    "refused": ("fail", "keeps policy {policy}: {why}"),
    "late": ("fail", "has not applied it after {ms} ms"),
}


def who() -> str:
    """Return who gives this order, as user@host."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        # A container's user often has a number and no name.
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


async def roll_out(
    given: Settings,
    entries: Sequence[tuple[str, bytes | None]],
    *,
    policy: str | None = None,
    end: int = 0,
) -> Rollout:
    """Write entries to `config` and wait until all live workers and delivery ends have applied them.

    Where there are none to write, wait until they have applied what lies before the offset `end`.

    Raises ClusterUnready. Where Redis cannot say who is alive, the command ends, and says that the entries stand.
    """
    from streamproc.flow.config_log import write_config  # noqa: PLC0415
    from streamproc.ops.heartbeats import WorkerBoard, await_workers  # noqa: PLC0415
    from streamproc.ops.stored_state import look_at_state  # noqa: PLC0415

    begun_at = time.monotonic()
    offset = end
    if entries:
        offset = await write_config(str(given.kafka), entries, prefix=given.topic_prefix)
    board = WorkerBoard(str(given.redis_url))
    try:
        rollout = await await_workers(board.all_beats, offset, begun_at=begun_at, policy=policy)
        # Workers publish nothing in a Redis that lost its state: then their silence means nothing.
        blind = await look_at_state(given) if not rollout.followers else None
    except StoreUnavailable as error:
        _fail_blind(offset, str(error))
    finally:
        await board.close()
    if blind is not None and blind.kind == "lost":
        _fail_blind(offset, blind.why)
    return rollout


def _fail_blind(offset: int, why: str) -> NoReturn:
    said = f"written at offset {offset - 1}, but nobody can tell which workers have applied it: {why}"
    fail(
        [
            said,
            "workers that read config apply it; while they cannot trust Redis none of them hands anything over",
        ],
        UNAVAILABLE,
    )


def say_rollout(what: str, rollout: Rollout, *, as_json: bool) -> None:
    """Tell what was done and how each worker took it; end with exit code 1 if one has not followed."""
    if as_json:
        followers = [
            {
                "worker": one.worker,
                "state": one.state,
                "after_ms": one.after_ms,
                "policy": one.policy,
                "why": one.why,
            }
            for one in rollout.followers
        ]
        show_json(
            {
                "done": rollout.is_done,
                "offset": rollout.offset,
                "took_ms": rollout.took_ms,
                "workers": followers,
            }
        )
    elif not rollout.followers:
        say(f"{mark('ok')} {escape(what)}: written; no worker is alive, the next one starts with it")
    else:
        for one in rollout.followers:
            state, words = _WORDS[one.state]
            told = words.format(ms=one.after_ms, policy=one.policy, why=one.why or "its log says why")
            say(f"{mark(state)} {escape(one.worker)}: {escape(told)}")
        count = len(rollout.followers)
        if rollout.is_done:
            say(f"{mark('ok')} {escape(what)}: {count} of {count} workers, {rollout.took_ms} ms")
        else:
            late = [one.worker for one in rollout.followers if one.state in ("refused", "late")]
            say(
                f"{mark('fail')} {escape(what)}: {len(late)} of {count} workers have not followed: {', '.join(late)}"
            )
    if not rollout.is_done:
        raise typer.Exit(FAILED)
