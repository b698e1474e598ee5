"""The operator: switches push off and on again with the code of `streamproc channel off` and `channel on`."""

from __future__ import annotations

import time
from typing import Final

import msgspec

from streamproc.core.switches import CHANNEL_PREFIX, Switch
from streamproc.ops.commands.rollout import roll_out, who
from streamproc.ops.demo.story import Operation
from streamproc.settings import Settings

__all__ = ["switch_push"]

REASON: Final = "the operator tries the switch"


async def switch_push(settings: Settings, at_ms: int, *, enabled: bool) -> Operation:
    """Move the switch, wait until every live worker has applied it, and return how that went.

    `at_ms` is the simulated time, for telling; the switch itself carries the wall clock's. Raises ClusterUnready.
    """
    written_ms = time.time_ns() // 1_000_000
    switch = Switch(enabled=enabled, reason="" if enabled else REASON, by=who(), at_ms=written_ms)
    rollout = await roll_out(settings, [(CHANNEL_PREFIX + "push", msgspec.json.encode(switch))])
    return Operation(
        enabled=enabled,
        at_ms=at_ms,
        offset=rollout.offset,
        took_ms=rollout.took_ms,
        workers=len(rollout.followers),
        is_done=rollout.is_done and bool(rollout.followers),
        written_wall_ms=written_ms,
        applied_wall_ms=time.time_ns() // 1_000_000,
    )
