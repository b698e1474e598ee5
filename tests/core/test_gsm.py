"""Short messages are split and counted as networks do it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamproc.core.gsm import measure, outside, plain

CHARS = st.text(st.sampled_from("ab €{}[]~|\\^äÉ\nç’ж中😀👍\u200d"), max_size=400)


def oracle() -> list[tuple[str, int, str]]:
    """Read the table: encoding, segments and text."""
    rows = []
    for line in Path(__file__).with_name("sms_segments.txt").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            encoding, segments, pieces = re.split(r" +", line, maxsplit=2)
            text = "".join(
                piece.replace("\\n", "\n") * int(count)
                for piece, count in re.findall(r"(\S+)\*(\d+)", pieces)
            )
            rows.append((encoding, int(segments), text))
    return rows


def test_the_table_has_rows_of_both_encodings() -> None:
    counts = Counter(encoding for encoding, _, _ in oracle())
    assert counts == {"gsm7": 48, "ucs2": 40}


@pytest.mark.parametrize(("encoding", "segments", "text"), oracle())
def test_encoding_and_segments_are_those_of_another_implementation(
    encoding: str, segments: int, text: str
) -> None:
    size = measure(text)
    assert (size.encoding, size.segments) == (encoding, segments)


@given(CHARS)
@example("a" * 152 + "€")
@example("ж" * 66 + "😀" + "ж" * 9)
def test_the_parts_are_those_of_another_implementation(text: str) -> None:
    smsutil = pytest.importorskip("smsutil", reason="the extra `test` brings it")
    parts = [part.content for part in smsutil.split(text).parts]
    assert list(measure(text).parts) == (parts or [""])


@given(CHARS)
def test_no_part_is_too_long_and_none_begins_in_the_middle_of_a_character(text: str) -> None:
    size = measure(text)
    assert "".join(size.parts) == text
    for part in size.parts:
        if size.encoding == "gsm7":
            assert len(part) + sum(char in "^{}\\[~]|€\f" for char in part) <= (
                153 if size.segments > 1 else 160
            )
        else:
            assert len(part.encode("utf-16-be")) <= 2 * (67 if size.segments > 1 else 70)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Levi’s “501” – now…", 'Levi\'s "501" - now...'),
        ("1\u202f234,50\xa0€", "1 234,50 €"),
        ("CHF 1’234.00", "CHF 1'234.00"),
        ("«Да» – да…", "«Да» – да…"),
        ("plain", "plain"),
    ],
)
def test_typography_is_written_plainly_where_that_saves_the_encoding(text: str, expected: str) -> None:
    assert plain(text) == expected


@given(st.text())
def test_writing_plainly_never_makes_a_message_dearer(text: str) -> None:
    assert measure(plain(text)).segments <= measure(text).segments
    assert bool(outside(text)) == (measure(text).encoding == "ucs2")
