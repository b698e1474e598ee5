"""One run: the day is produced, the topics are followed, and all that is seen goes to the screen and into a file."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from rich.console import Console
from rich.live import Live

from streamproc.dry_run import CATALOG
from streamproc.flow.feeder import Feeder
from streamproc.flow.tail import Tail
from streamproc.ingest.record_file import encode_record
from streamproc.ops.demo.calendar import at, shown
from streamproc.ops.demo.operator import switch_push
from streamproc.ops.demo.pace import FIRST_DAY, Pace, later_pace
from streamproc.ops.demo.payloads import Timed
from streamproc.ops.demo.screen import Rate, picture, progress_line
from streamproc.ops.demo.shoppers import first_day, later_day
from streamproc.ops.demo.story import INPUTS, OUTPUTS, Operation, Story
from streamproc.settings import Settings

__all__ = ["DAY_SECONDS", "Show"]

DAY_SECONDS: Final = 60.0
"""How long a day takes where the run has no end."""
OFF_MS: Final = at(0, "12:30")
ON_MS: Final = at(0, "15:30")
SETTLED_MS: Final = (at(-4, "18:15"), at(-4, "18:45"))
"""Who declares something before consenting to be remembered is not remembered: consents come first, then profiles."""
TICK_SECONDS: Final = 0.05
PICTURE_SECONDS: Final = 0.25
LINE_SECONDS: Final = 4.0
FINISH_SECONDS_MAX: Final = 60.0
"""A worker that lags finishes a day's 7,000 records in a second or two; a minute is a fault."""
QUIET_TAKES: Final = 3
CAPTURED_MAX: Final = 1_000_000
"""Records that are kept for `verify`, about 1 GB of file; a run without an end may see more."""


@dataclass
class Show:
    """Runs the days against a worker that is ready. `story` is what was seen, `captured` the file with all of it."""

    settings: Settings
    captured: Path
    console: Console
    seconds: float
    """How long the day takes; 0: day after day until interrupted."""

    def __post_init__(self) -> None:
        """Begin with nothing seen."""
        self.story = Story()
        self.took_seconds = 0.0
        self.is_finished = False
        self._rate = Rate()
        self._quiet_takes = 0
        self._stop = asyncio.Event()
        self._fraction: float | None = 0.0 if self.seconds else None

    @property
    def is_captured_whole(self) -> bool:
        """Tell whether the file holds every record that was seen."""
        return self.story.records <= CAPTURED_MAX

    async def run(self) -> None:
        """Run until the day is over and everything of it finished, or until interrupted."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop.set)
        begun_at = time.monotonic()
        kafka, prefix = str(self.settings.kafka), self.settings.topic_prefix
        topics = (*INPUTS, *OUTPUTS, "config")
        with self.captured.open("wb") as file:
            async with Feeder(kafka, prefix=prefix) as feeder, Tail(kafka, topics, prefix=prefix) as tail:
                watching = asyncio.create_task(self._watch(tail, file))
                drawing = asyncio.create_task(self._draw())
                try:
                    await self._until_stopped(self._produce(feeder), watching)
                    self.took_seconds = time.monotonic() - begun_at
                    await self._finish(watching)
                finally:
                    drawing.cancel()
                    watching.cancel()
                    await asyncio.gather(drawing, watching, return_exceptions=True)

    async def _until_stopped(self, producing: object, watching: asyncio.Task[None]) -> None:
        work = asyncio.ensure_future(producing)  # type: ignore[call-overload]
        stopped = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait({work, stopped, watching}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        self.is_finished = work.done()
        if not work.done():
            work.cancel()
        with suppress(asyncio.CancelledError):
            await work
        if watching.done():
            watching.result()

    # Producing

    async def _produce(self, feeder: Feeder) -> None:
        operating = asyncio.create_task(self._operate())
        try:
            await self._play(feeder, first_day(), FIRST_DAY)
            day = 0
            while not self.seconds:
                day += 1
                await self._play(feeder, later_day(day), later_pace(day))
            await operating
        finally:
            operating.cancel()

    async def _play(self, feeder: Feeder, records: list[Timed], pace: Pace) -> None:
        """Produce a day's records, each when its time has come."""
        seconds = self.seconds or DAY_SECONDS
        begun_at = time.monotonic()
        sent = 0
        settling = [at_ms for at_ms in SETTLED_MS if records and records[0][0] < at_ms]
        while True:
            if settling and self.story.now_ms >= settling[0]:
                del settling[0]
                begun_at += await self._settle()
            fraction = (time.monotonic() - begun_at) / seconds
            self.story.now_ms = pace.instant_ms(fraction)
            if self.seconds:
                self._fraction = fraction
            due = sent
            while due < len(records) and records[due][0] <= self.story.now_ms:
                due += 1
            for batch in _facts_apart(records[sent:due]):
                await feeder.send(batch)
                # The catalog is no input of a lane: no receipt tells of it.
                self.story.fed += sum(output.topic != CATALOG for _, output in batch)
            sent = due
            if fraction >= 1.0:
                return
            await asyncio.sleep(TICK_SECONDS)

    async def _settle(self) -> float:
        """Let simulated time stand still until everything so far is finished; return for how many seconds."""
        begun_at = time.monotonic()
        while self.story.lag and time.monotonic() - begun_at < FINISH_SECONDS_MAX:  # noqa: ASYNC110 - as in `_operate`
            await asyncio.sleep(TICK_SECONDS)
        return time.monotonic() - begun_at

    async def _operate(self) -> None:
        """Switch push off at half past twelve and on again three hours later, by the simulated clock."""
        for when_ms, enabled in ((OFF_MS, False), (ON_MS, True)):
            while self.story.now_ms < when_ms:  # noqa: ASYNC110 - simulated time is looked at, as a clock is
                await asyncio.sleep(TICK_SECONDS)
            done = await switch_push(self.settings, self.story.now_ms, enabled=enabled)
            self.story.operations.append(done)
            self._say_operation(done)

    def _say_operation(self, done: Operation) -> None:
        state = "on" if done.enabled else "off"
        words = (
            f"the operator switched push {state}: {done.workers} of {done.workers} workers, {done.took_ms} ms"
        )
        self.story.notice = f"{shown(done.at_ms)}  {words}"
        if not self.console.is_terminal:
            self.console.print(f"{shown(done.at_ms)}  {words}")

    # Watching

    async def _watch(self, tail: Tail, file: IO[bytes]) -> None:
        while True:
            records = await tail.take(100)
            if not records:
                self._quiet_takes += 1
                continue
            self._quiet_takes = 0
            self.story.see(records)
            if self.is_captured_whole:
                file.writelines(encode_record(record) + b"\n" for record in records)
                file.flush()

    async def _finish(self, watching: asyncio.Task[None]) -> None:
        """Wait until the worker has finished all that was produced, and all of it was seen here."""
        deadline = time.monotonic() + FINISH_SECONDS_MAX
        while self.story.lag or self._quiet_takes < QUIET_TAKES:
            if time.monotonic() > deadline or watching.done():
                return
            await asyncio.sleep(TICK_SECONDS)

    # Showing

    async def _draw(self) -> None:
        if not self.console.is_terminal:
            await self._print_lines()
            return
        with Live(console=self.console, auto_refresh=False, transient=True, screen=False) as live:
            while True:
                rate = self._rate.of(self.story.events, time.monotonic())
                live.update(picture(self.story, self._fraction, rate)(self.console), refresh=True)
                await asyncio.sleep(PICTURE_SECONDS)

    async def _print_lines(self) -> None:
        while True:
            await asyncio.sleep(min(LINE_SECONDS, max(1.0, (self.seconds or DAY_SECONDS) / 8)))
            rate = self._rate.of(self.story.events, time.monotonic())
            self.console.print(progress_line(self.story, rate), highlight=False, soft_wrap=True)


def _facts_apart(records: list[Timed]) -> Iterator[list[Timed]]:
    """Yield the facts, then the rest, so that what is stated is known before what happens after it."""
    moments = ("clickstream", "beacons")
    for batch in (
        [timed for timed in records if timed[1].topic not in moments],
        [timed for timed in records if timed[1].topic in moments],
    ):
        if batch:
            yield batch
