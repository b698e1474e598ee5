"""The body of `streamproc verify`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from streamproc.ops.verify.budget import check_budget
from streamproc.ops.verify.caps import check_caps
from streamproc.ops.verify.consent import check_consent
from streamproc.ops.verify.coverage import check_coverage
from streamproc.ops.verify.log import Log
from streamproc.ops.verify.record import UnreadableLine, read_records
from streamproc.ops.verify.report import Report
from streamproc.ops.verify.rules import RuleBook
from streamproc.ops.verify.single import check_single
from streamproc.ops.verify.switches import check_switches
from streamproc.ops.verify.waitings import check_waitings

INVARIANT_OF_TOPIC = {"receipts": 0, "ledger": 1}


def verify(
    lines: Iterable[bytes],
    *,
    policy_files: Mapping[str, str] | None = None,
    from_start: bool = False,
    record_clock: bool = False,
) -> Report:
    """Derive the invariants I1 to I5 anew from the lines of record files, in any order of topics.

    `policy_files` (texts by name) stand for every version that no `config` record carries. `from_start`
    says that the lines reach back to the first offset and the first ledger record. `record_clock` says
    that decisions were made at the records' own times. Raises UnreadableLine.
    """
    log = Log()
    log.add_all(read_records(lines))
    rules = RuleBook(log.policies, policy_files)
    findings = (
        check_coverage(log, from_start=from_start),
        check_caps(log, rules, from_start=from_start),
        check_consent(log, rules, record_clock=record_clock),
        check_single(log),
        check_switches(log, rules),
    )
    check_budget(log, rules, findings[1])
    check_waitings(log, findings[3], from_start=from_start)
    for topic, error, where in log.unreadable:
        if topic in INVARIANT_OF_TOPIC:
            findings[INVARIANT_OF_TOPIC[topic]].add(f"this record cannot be read: {error}", where)
    return Report(findings)


def main(
    files: Sequence[Path],
    *,
    policy: Path | None = None,
    from_start: bool = False,
    record_clock: bool = False,
    as_json: bool = False,
    out: TextIO | None = None,
    err: TextIO | None = None,
) -> int:
    """Verify record files and print the report.

    Returns 0, 1 if a promise is broken, 2 if the input cannot be read or holds no record.
    """
    out, err = out or sys.stdout, err or sys.stderr
    lines = _Lines(files)
    try:
        report = verify(
            lines,
            policy_files=read_folder(policy) if policy is not None else None,
            from_start=from_start,
            record_clock=record_clock,
        )
    except UnreadableLine as error:
        print(f"verify: {lines.file}: line {error.number - lines.before} is no record: {error.why}", file=err)
        return 2
    except (OSError, UnicodeDecodeError) as error:
        print(f"verify: {error}", file=err)
        return 2
    if not lines.has_text:
        print(f"verify: nothing was checked: no record in {', '.join(map(str, files))}", file=err)
        return 2
    if as_json:
        out.write(report.to_json().decode())
    else:
        report.print(out)
        if report.findings[0].is_empty:
            print("I1 was not checked: there is no record of the topic receipts; capture it too", file=out)
    return 0 if report.holds else 1


class _Lines:
    """The lines of all files. `file` is the one read last, `before` the number of lines in the files before it."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files
        self.file = files[0] if files else Path()
        self.before = 0
        self.has_text = False

    def __iter__(self) -> Iterator[bytes]:
        count = 0
        for file in self._files:
            self.file, self.before = file, count
            with file.open("rb") as lines:
                for line in lines:
                    count += 1
                    self.has_text = self.has_text or bool(line.strip())
                    yield line


def read_folder(folder: Path) -> dict[str, str]:
    """Read the files of a policy folder, each under its path in it. Raises OSError and UnicodeDecodeError."""
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no policy folder")
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*.yaml"))
    }
