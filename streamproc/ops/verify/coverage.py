"""I1: receipts cover every input offset without a hole, and nothing is decided twice."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from streamproc.ops.verify.log import Log, Partition, Source
from streamproc.ops.verify.report import Findings

OUTCOMES: Final = ("decided", "quiet", "duplicate", "redelivered", "too_old", "rejected", "rekeyed")
REPEATED: Final = ("quiet", "rejected", "rekeyed")
"""What leaves no memory with the customer: read again after a crash, it cannot be known as a redelivery."""

Span = tuple[
    Source, int, str
]  # a source, its first offset with the holes before it, and where its receipt lies


def check_coverage(log: Log, *, from_start: bool) -> Findings:
    """Check I1 on every input partition that a receipt or an input record names.

    A partition must be covered from its first input record in the file (from offset 0 if `from_start`, from
    its first receipt if the file has no input) to the last input record or receipt.
    """
    findings = Findings("I1", {"receipts": log.receipts, "partitions": 0, "records": 0, "events": 0})
    spans: dict[Partition, list[Span]] = defaultdict(list)
    for source, where in log.sources:
        findings.checked["records"] += source.records
        findings.checked["events"] += source.events
        _check_sums(source, where, findings)
        start = min(source.first, source.last + 1 - source.records - source.holes)
        spans[source.topic, source.partition].append((source, start, where))
    for partition in sorted(spans.keys() | log.inputs.keys()):
        findings.checked["partitions"] += 1
        ordered = sorted(spans[partition], key=lambda span: (span[1], -span[0].last, span[2]))
        _check_holes(
            partition, ordered, log.inputs.get(partition, array("q")), findings, from_start=from_start
        )
        for cluster in _clusters(ordered):
            _check_repeats(partition, cluster, findings)
    return findings


def _check_sums(source: Source, where: str, findings: Findings) -> None:
    offsets = source.last - source.first + 1
    # Holes lie inside the range, or, where the log was compacted before it, just ahead of it.
    if not offsets - source.holes <= source.records <= offsets:
        findings.add(
            f"{source.topic}/{source.partition} {source.first}..{source.last} has {offsets} offsets, "
            f"but {source.records} records and {source.holes} holes are counted",
            where,
        )
    outcomes = sum(getattr(source, outcome) for outcome in OUTCOMES)
    if outcomes != source.events:
        findings.add(
            f"{source.topic}/{source.partition} {source.first}..{source.last} has {source.events} events, "
            f"but {outcomes} outcomes",
            where,
        )


def _check_holes(
    partition: Partition,
    spans: list[Span],
    inputs: array[int],
    findings: Findings,
    *,
    from_start: bool,
) -> None:
    expected = inputs[0] if inputs else spans[0][1]
    if from_start:
        expected = 0
    for source, start, where in spans:
        if start > expected and not _is_missing_in_the_log(inputs, expected, start - 1):
            findings.add(_hole(partition, expected, start - 1), where)
        expected = max(expected, source.last + 1)
    if inputs and inputs[-1] >= expected:
        findings.add(_hole(partition, expected, inputs[-1]), f"{partition[0]}/{partition[1]}@{expected}")


def _is_missing_in_the_log(inputs: array[int], first: int, last: int) -> bool:
    """Tell that the log itself skips these offsets: compaction, or a transaction's marker."""
    before = bisect_left(inputs, first)
    return 0 < before < len(inputs) and inputs[before] > last


def _hole(partition: Partition, first: int, last: int) -> str:
    return f"no receipt covers {partition[0]}/{partition[1]} {first}..{last}"


def _clusters(spans: list[Span]) -> Iterator[list[Span]]:
    """Group the ordered spans into runs that overlap; a span alone is no group."""
    cluster: list[Span] = []
    last = -1
    for span in spans:
        if cluster and span[1] > last:
            if len(cluster) > 1:
                yield cluster
            cluster = []
        cluster.append(span)
        last = max(last, span[0].last)
    if len(cluster) > 1:
        yield cluster


def _check_repeats(partition: Partition, cluster: list[Span], findings: Findings) -> None:
    """Check that what was read more than once was decided once.

    Which receipt of an overlap calls an event redelivered depends on which of two workers committed it
    first, so the sums over the overlap are compared, not one receipt with the one before. Every record
    stands for one event at least.
    """
    repeats, last = 0, -1
    for source, start, _ in cluster:
        if source.last <= last:
            repeats += source.events
        elif start <= last:
            repeats += max(0, last - start + 1 - source.holes)
        last = max(last, source.last)
    known = sum(source.redelivered for source, _, _ in cluster)
    for outcome in REPEATED:
        counts = [getattr(source, outcome) for source, _, _ in cluster]
        known += sum(counts) - max(counts)
    if known < repeats:
        first = cluster[0][1]
        findings.add(
            f"{partition[0]}/{partition[1]} {first}..{last} overlap: at least {repeats} events came again, "
            f"but {known} are counted as redelivered",
            cluster[-1][2],
        )
