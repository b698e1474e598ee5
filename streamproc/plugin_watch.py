"""Watch plug-ins at work in a worker: count what fails, measure how long they take, switch off what is slow.

A decision waits for its plug-ins, and a worker for its decisions. In replays and tests nobody watches: there the same
records must give the same bytes, however slow the machine.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from streamproc.core.plugins import Plugin, Plugins, holds, order_of

log = logging.getLogger(__name__)

SECONDS_MAX: Final = 0.001
# p99 over a thousand calls is above the limit as soon as more than ten of them are.
CALLS: Final = 1_000
SLOW_CALLS_MAX: Final = CALLS // 100


class PluginOff(Exception):
    """Say that a plug-in is switched off."""


class PluginWatch:
    """Watches all plug-ins of a process. `errors` counts the calls that failed: they decided nothing."""

    def __init__(self, clock_s: Callable[[], float] = time.perf_counter) -> None:
        self._clock_s: Final = clock_s
        self.errors = 0

    def watched(self, plugins: Plugins) -> Plugins:
        """Return the plug-ins such that each is measured from when a policy loads it, and until another one does."""
        return Plugins(self._each(plugins.conditions, holds), self._each(plugins.rankings, order_of))

    def _each(
        self, loaders: Mapping[str, Callable[[], Plugin]], check: Callable[[object], object]
    ) -> dict[str, Callable[[], Plugin]]:
        def watching(load: Callable[[], Plugin]) -> Callable[[], Plugin]:
            def take() -> Plugin:
                plugin = load()
                timed = _Timed(plugin, check, self, self._clock_s)
                return replace(plugin, function=timed, trouble=timed.trouble)

            return take

        return {name: watching(load) for name, load in loaders.items()}


class _Timed:
    """A plug-in's function that is measured, and not called any more once it is too slow."""

    def __init__(
        self,
        plugin: Plugin,
        check: Callable[[object], object],
        watch: PluginWatch,
        clock_s: Callable[[], float],
    ) -> None:
        self._name: Final = plugin.name
        self._function: Final = plugin.function
        self._check: Final = check
        self._watch: Final = watch
        self._clock_s: Final = clock_s
        self._calls = 0
        self._slow = 0
        self._has_failed = False
        self._why = ""

    def trouble(self) -> str:
        """Say why it is switched off; nothing if it is not."""
        return self._why

    def __call__(self, *given: object, **arguments: object) -> object:
        if self._why:
            raise PluginOff(self._why)
        begun = self._clock_s()
        try:
            answer = self._function(*given, **arguments)
            self._check(answer)
        except (Exception, SystemExit) as error:
            self._failed(error)
            raise
        finally:
            self._took(self._clock_s() - begun)
        return answer

    def _failed(self, error: BaseException) -> None:
        self._watch.errors += 1
        if not self._has_failed:
            # The first of many: what it says may hold a customer's data, its type does not.
            log.warning(
                "plug-in %s failed with %s; what fails decides nothing", self._name, type(error).__name__
            )
        self._has_failed = True

    def _took(self, seconds: float) -> None:
        self._calls += 1
        self._slow += seconds > SECONDS_MAX
        if self._slow > SLOW_CALLS_MAX:
            limit_ms = f"{SECONDS_MAX * 1_000:.0f} ms"
            slow = f"{self._slow} of {self._calls} calls took longer, {SLOW_CALLS_MAX} of {CALLS} may"
            self._why = f"p99 > {limit_ms}: {slow}"
            log.error(
                "plug-in %s is switched off until a restart or a new policy, %s; its campaigns are silent",
                self._name,
                self._why,
            )
        if self._calls == CALLS:
            self._calls = self._slow = 0
