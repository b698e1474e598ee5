"""Short messages are split and counted as networks do it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.gsm import measure, outside, plain

CHARS = st.text(st.sampled_from("ab €{}[]~|\\^äÉ\nç’ж中😀👍\u200d"), max_size=400)


def oracle() -> list[tuple[str, list[int], str]]:
    """Read the table: encoding, the lengths of the parts, and the text."""
    rows = []
    for line in Path(__file__).with_name("sms_segments.txt").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            encoding, segments, lengths, pieces = re.split(r" +", line, maxsplit=3)
            text = "".join(
                piece.replace("\\n", "\n") * int(count)
                for piece, count in re.findall(r"(\S+)\*(\d+)", pieces)
            )
            parts = [int(length) for length in lengths.split(",")]
            assert len(parts) == int(segments), "the two other implementations agree"
            rows.append((encoding, parts, text))
    return rows


def test_the_table_has_rows_of_both_encodings() -> None:
    assert Counter(encoding for encoding, _, _ in oracle()) == {"gsm7": 48, "ucs2": 40}


@pytest.mark.parametrize(("encoding", "parts", "text"), oracle())
def test_encoding_and_parts_are_those_of_other_implementations(
    encoding: str, parts: list[int], text: str
) -> None:
    size = measure(text)
    assert (size.encoding, [len(part) for part in size.parts]) == (encoding, parts)


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
