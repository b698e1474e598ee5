"""Record files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.record import Record
from streamproc.ingest.record_file import RecordFileError, decode_record, encode_record, read_records

VALUES = (
    st.none()
    | st.binary()
    | st.text().map(str.encode)
    | st.sampled_from(
        [
            b"null",
            b"{}",
            b' {"a": 1}',
            b'{"a":\n1}',
            b'{"a":1.0,"a":2}',
            b"\xff",
            b"[" * 5000,
            b"[1, 2]",
            b'"\\ud800"',
        ]
    )
)


@given(
    VALUES,
    st.none() | st.binary(),
    st.lists(st.tuples(st.sampled_from("ab"), st.binary(max_size=3)), max_size=3),
    st.booleans(),
)
def test_a_record_comes_back_byte_for_byte(
    value: bytes | None,
    key: bytes | None,
    headers: list[tuple[str, bytes]],
    append_time: bool,  # noqa: FBT001
) -> None:
    grouped = tuple(sorted(headers, key=lambda header: header[0]))
    record = Record("clickstream", 3, 17, 1_767_225_600_000, append_time, key, value, grouped)
    line = encode_record(record)
    assert b"\n" not in line
    back = decode_record(line)
    assert tuple(sorted(back.headers, key=lambda header: header[0])) == grouped
    assert (back.topic, back.partition, back.offset, back.key, back.value, back.append_time) == (
        "clickstream",
        3,
        17,
        key,
        value,
        append_time,
    )


def test_the_line_of_the_contract_is_read() -> None:
    line = (
        b'{"topic": "clickstream", "key": "c-17", "timestamp_ms": 1767225600000,'
        b' "headers": {"ce_id": "1"}, "value": {"a": 1.0}}'
    )
    assert decode_record(line, ordinal=4) == Record(
        "clickstream", 0, 4, 1_767_225_600_000, False, b"c-17", b'{"a": 1.0}', (("ce_id", b"1"),)
    )


def test_a_record_without_an_offset_gets_its_ordinal_in_its_topic() -> None:
    lines = [b'{"topic":"%s","timestamp_ms":1,"value":{}}' % topic for topic in (b"a", b"b", b"a")]
    assert [(record.topic, record.offset) for record in read_records([lines[0], b"", *lines[1:]])] == [
        ("a", 0),
        ("b", 0),
        ("a", 1),
    ]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"{", "not a JSON object on one line"),
        (b'{"timestamp_ms":1,"value":{}}', "Object missing required field `topic`"),
        (b'{"topic":"a","timestamp_ms":"1","value":{}}', "Expected `int`, got `str` - at `$.timestamp_ms`"),
        (b'{"topic":"a","timestamp_ms":1}', "needs one of value, value_text, value_base64; has 0"),
        (
            b'{"topic":"a","timestamp_ms":1,"value":1,"value_text":""}',
            "needs one of value, value_text, value_base64; has 2",
        ),
        (b'{"topic":"a","timestamp_ms":1,"value_base64":"?"}', "value_base64 is not base64"),
    ],
)
def test_a_bad_line_is_named_by_its_number(line: bytes, why: str) -> None:
    with pytest.raises(RecordFileError) as error:
        list(read_records([b'{"topic":"a","timestamp_ms":1,"value":{}}', line]))
    assert str(error.value) == f"line 2: {why}"
