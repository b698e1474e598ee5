"""`verify` reads record files in any order, says what it looked at, and exits as it found."""

from __future__ import annotations

import ast
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.ops import verify as package
from streamproc.ops.verify import UnreadableLine, main, verify
from tests.ops.run_records import (
    FILES,
    NOON_MS,
    Line,
    charge,
    click,
    encode,
    ledger,
    nudge,
    only,
    receipt,
    sound_run,
    switch,
    violations,
)


def broken_run() -> list[Line]:
    """The sound run, and something broken in each invariant."""
    return [
        *sound_run(),
        click(7),
        receipt(5, 0, 0),
        *ledger(charge("n-2"), charge("n-3", NOON_MS + 1), h="cd34"),
        nudge("n-2", 1, event_id="e-n-3", customer_id="c-18"),
        nudge("n-3", 2, event_id="e-n-3", customer_id="c-18"),
        switch(1, "all", enabled=False),
        switch(2, "all", enabled=True, at_ms=NOON_MS + 15),
        nudge("n-1", 3, config_offset="2", appended_ms=NOON_MS + 20),
    ]


def test_each_invariant_is_broken_in_the_broken_run() -> None:
    assert {violation.invariant for violation in violations(broken_run())} == {"I1", "I2", "I3", "I4", "I5"}


@given(st.permutations(broken_run()))
def test_the_order_of_the_lines_changes_nothing(lines: list[Line]) -> None:
    assert verify(encode(lines)) == verify(encode(broken_run()))


@given(st.permutations(sound_run()))
def test_a_sound_run_holds_in_any_order(lines: list[Line]) -> None:
    assert verify(encode(lines)).holds


def test_every_record_read_twice_changes_nothing() -> None:
    assert violations([*sound_run(), *sound_run()], from_start=True) == []


def test_lines_without_offsets_count_from_zero_in_their_topic() -> None:
    lines = sound_run()
    for line in lines:
        del line["partition"], line["offset"]
    assert violations(lines, from_start=True) == []
    unread = [{"topic": "clickstream", "value": 1}] * 4
    assert "clickstream/0 3..6" in only([*lines, *unread], "I1")


def test_what_was_looked_at_is_counted() -> None:
    counts = verify(encode(sound_run())).counts
    assert counts["I1"] == {"receipts": 3, "partitions": 2, "records": 5, "events": 5}
    assert counts["I2"] == {"charges": 1, "caps": 3, "ledger records": 1, "nudges": 1, "costs": 0}
    assert counts["I3"] == {"nudges": 1, "consents": 2}
    assert counts["I4"] == {"nudges": 1, "events": 1, "timers": 0}
    assert counts["I5"] == {"nudges": 1, "switch changes": 0}


def test_a_check_that_looked_at_nothing_says_so() -> None:
    out = io.StringIO()
    report = verify([])
    report.print(out)
    assert report.holds
    assert [finding.verdict for finding in report.findings] == ["nothing to check"] * 5
    assert "0 nudges" in out.getvalue()
    assert "nothing to check" in out.getvalue()


def test_a_line_that_is_no_record_is_named_by_its_number() -> None:
    with pytest.raises(UnreadableLine, match="line 2 is no record"):
        verify([b'{"topic": "clickstream"}', b"oops"])


def write(path: Path, lines: list[Line]) -> Path:
    path.write_bytes(b"\n".join(encode(lines)) + b"\n")
    return path


def test_the_command_exits_with_0_if_all_holds_and_1_if_not(tmp_path: Path) -> None:
    out = io.StringIO()
    assert main([write(tmp_path / "sound.ndjson", sound_run())], out=out) == 0
    assert main([write(tmp_path / "broken.ndjson", broken_run())], out=out) == 1
    assert "I5 nudges.push/0@3: all is off at config offset 2" in out.getvalue()


def test_the_command_exits_with_2_if_the_input_cannot_be_read(tmp_path: Path) -> None:
    err = io.StringIO()
    assert main([tmp_path / "none.ndjson"], err=err) == 2
    (tmp_path / "bad.ndjson").write_bytes(b"\n{")
    assert main([tmp_path / "bad.ndjson"], err=err) == 2
    assert main([tmp_path / "bad.ndjson"], policy=tmp_path / "nowhere", err=err) == 2
    assert f"{tmp_path}/bad.ndjson: line 2 is no record" in err.getvalue()


def test_a_bad_line_is_named_with_its_own_file_and_its_number_there(tmp_path: Path) -> None:
    err = io.StringIO()
    (tmp_path / "bad.ndjson").write_bytes(b"\n{")
    files = [write(tmp_path / "sound.ndjson", sound_run()), tmp_path / "bad.ndjson"]
    assert main(files, err=err) == 2
    assert f"verify: {tmp_path}/bad.ndjson: line 2 is no record" in err.getvalue()


def test_a_file_without_a_record_is_no_proof(tmp_path: Path) -> None:
    out, err = io.StringIO(), io.StringIO()
    (tmp_path / "empty.ndjson").write_bytes(b"\n")
    assert main([tmp_path / "empty.ndjson"], out=out, err=err) == 2
    assert f"nothing was checked: no record in {tmp_path}/empty.ndjson" in err.getvalue()
    assert out.getvalue() == ""


def test_where_receipts_are_missing_the_report_says_so(tmp_path: Path) -> None:
    out = io.StringIO()
    run = [line for line in sound_run() if line["topic"] != "receipts"]
    main([write(tmp_path / "part.ndjson", run)], out=out)
    assert "no record of the topic receipts; capture it too" in out.getvalue()


def test_several_files_are_one_run_and_a_folder_may_stand_for_the_policy(tmp_path: Path) -> None:
    run = [line for line in sound_run() if line["topic"] != "config"]
    files = [write(tmp_path / "in.ndjson", run[4:]), write(tmp_path / "out.ndjson", run[:4])]
    for name, text in FILES.items():
        path = tmp_path / "policy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert main(files, out=io.StringIO()) == 1
    assert main(files, policy=tmp_path / "policy", out=io.StringIO()) == 0


def test_json_carries_the_verdicts_and_the_violations(tmp_path: Path) -> None:
    out = io.StringIO()
    assert main([write(tmp_path / "broken.ndjson", broken_run())], as_json=True, out=out) == 1
    document = json.loads(out.getvalue())
    assert document["holds"] is False
    assert document["invariants"]["I5"]["verdict"] == "1 violation"
    assert {"invariant", "detail", "where"} == set(document["violations"][0])


def test_a_flood_of_violations_is_counted_but_not_kept() -> None:
    report = verify(encode([nudge(f"n-{number}", number) for number in range(1_500)]))
    assert report.findings[1].found == 1_500
    assert len([violation for violation in report.violations if violation.invariant == "I2"]) == 1_000
    out = io.StringIO()
    report.print(out)
    assert "I2 and 1480 more" in out.getvalue()


def test_nothing_in_verify_imports_the_code_that_it_judges() -> None:
    folder = Path(package.__file__).parent
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            ours = [name for name in names if name.startswith("streamproc")]
            assert all(name.startswith("streamproc.ops.verify") for name in ours), path
