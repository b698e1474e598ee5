"""Run recorded traffic through the whole pipeline, in memory: the body of `streamproc replay`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from streamproc.core.record import Record
from streamproc.dry_run import CATALOG, CONFIG, DryRun
from streamproc.ingest.record_file import RecordFileError, decode_record, encode_record
from streamproc.pipeline import FACT_TOPICS

__all__ = ["TAKEN", "ReplayError", "Summary", "read_files", "replay"]

TAKEN: Final = frozenset({*FACT_TOPICS, "clickstream", "beacons", CONFIG, CATALOG})
"""The topics that are fed. What a run wrote itself (`timers` and `rekeyed` too) is found anew, and skipped."""


class ReplayError(Exception):
    """Say which line of which file is no record."""


@dataclass
class Summary:
    """What went in and what came of it, counted."""

    read: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    written: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    gates: Counter[str] = field(default_factory=Counter)
    """For each gate, the candidates it stopped; one candidate may fail several."""
    waiting: int = 0
    """How many customers still wait for a time, such as the end of a campaign's `wait` or of the quiet hours."""
    next_due_ms: int | None = None
    """When the first of them is due, in milliseconds; None if nobody waits."""

    @property
    def nudges(self) -> int:
        """Return how many nudges were handed over."""
        return sum(count for topic, count in self.written.items() if topic.startswith("nudges."))

    def count(self, written: Record) -> None:
        """Count one record that the pipeline wrote."""
        self.written[written.topic] += 1
        if written.topic != "decisions":
            return
        decision: dict[str, Any] = msgspec.json.decode(written.value or b"{}")
        for candidate in decision["candidates"]:
            self.verdicts[candidate["verdict"]] += 1
            self.gates.update(reason["code"] for reason in candidate.get("reasons", ()))


def replay(
    run: DryRun, records: Iterable[Record], write: Callable[[bytes], object], *, then_ms: int = 0
) -> Summary:
    """Feed the records in their order, and write what they cause as lines of a record file.

    Then the time goes on for `then_ms` milliseconds after the latest record, so that what is waited for comes due. The
    same records, policy, key and time give the same bytes.
    """
    summary = Summary()

    def take(caused: Iterable[Record]) -> None:
        for written in caused:
            summary.count(written)
            write(encode_record(written) + b"\n")

    for record in records:
        if record.topic not in TAKEN:
            summary.skipped[record.topic] += 1
            continue
        summary.read[record.topic] += 1
        take(run.feed(record))
    take(run.advance(run.clock.at_ms + then_ms))
    summary.waiting, summary.next_due_ms = run.waiting, run.next_due_ms
    return summary


def read_files(files: Iterable[tuple[str, Iterable[bytes]]]) -> Iterator[Record]:
    """Return the records of files, each with its name, one after the other.

    A record without an offset gets its ordinal in its topic, over all files. Raises ReplayError.
    """
    ordinals: Counter[str] = Counter()
    for name, lines in files:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                record = decode_record(line, number, ordinal=-1)
            except RecordFileError as error:
                raise ReplayError(f"{name}:{error.line_number}: {error.why}") from error
            if record.offset < 0:
                record = msgspec.structs.replace(record, offset=ordinals[record.topic])
            ordinals[record.topic] += 1
            yield record
