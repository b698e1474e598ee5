"""What the shop writes to the catalog, read strictly: nothing is guessed, and nothing makes it raise."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.catalog import Change, Offer, Site
from streamproc.core.event import Reason, Rejection
from streamproc.core.record import Record
from streamproc.ingest.catalog import parse_catalog, taken_back

UNTIL = 1_767_312_000_000


def record(key: str | bytes | None, value: Any) -> Record:
    raw = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
    name = key.encode() if isinstance(key, str) else key
    return Record("catalog", 0, 7, UNTIL, append_time=True, key=name, value=raw)


def test_an_item_is_read_with_all_that_is_said_of_it() -> None:
    said = {
        "available": True,
        "price_minor": 14900,
        "currency": "EUR",
        "until_ms": UNTIL,
        "name": "Wool coat",
    }
    offer = Offer(True, 14900, "EUR", UNTIL, "Wool coat", "coats", UNTIL)
    assert parse_catalog(record("item/coat-1", {**said, "category": "coats", "x": 1})) == Change(
        "coat-1", "", offer
    )


@pytest.mark.parametrize(
    ("key", "item", "site"),
    [("item/coat-1@berlin-1", "coat-1", "berlin-1"), ("item/a@b@c", "a@b", "c"), ("item/a/b", "a/b", "")],
)
def test_the_last_at_sign_stands_before_the_store(key: str, item: str, site: str) -> None:
    assert parse_catalog(record(key, {})) == Change(item, site, Offer(at_ms=UNTIL))
    assert taken_back(record(key, {})) == Change(item, site, None)


def test_a_store_is_read_with_its_week() -> None:
    hours = {"mon": "10:00-20:00", "sat": ["10:00-13:00", "14:00-02:00"], "sun": []}
    said = {"zone": "Europe/Berlin", "hours": hours, "closed_on": ["2026-12-25"], "name": "Mitte"}
    week = (((600, 1200),), (), (), (), (), ((600, 780), (840, 120)), ())
    site = Site(None, "Europe/Berlin", week, frozenset({"2026-12-25"}), 0, "Mitte")
    assert parse_catalog(record("site/berlin-1", said)) == Change("", "berlin-1", site)


def test_an_item_was_so_when_its_word_says_but_never_after_it_came() -> None:
    for at_ms, counts in ((UNTIL - 5, UNTIL - 5), (UNTIL + 5, UNTIL)):
        assert parse_catalog(record("item/coat", {"at_ms": at_ms})) == Change("coat", "", Offer(at_ms=counts))


def test_a_tombstone_takes_back_what_was_said() -> None:
    assert parse_catalog(record("item/coat-1", None)) == Change("coat-1", "", None)
    assert parse_catalog(record("site/berlin-1", None)) == Change("", "berlin-1", None)


EUR = {"currency": "EUR"}
ZONE = {"zone": "Europe/Berlin"}


@pytest.mark.parametrize(
    ("key", "value", "reason", "field"),
    [
        ("item/coat", {"price_minor": -1, **EUR}, Reason.OUT_OF_RANGE, "price_minor"),
        ("item/coat", {"price_minor": "149.00", **EUR}, Reason.WRONG_TYPE, "price_minor"),
        ("item/coat", {"price_minor": 149.5, **EUR}, Reason.WRONG_TYPE, "price_minor"),
        ("item/coat", {"price_minor": True, **EUR}, Reason.WRONG_TYPE, "price_minor"),
        ("item/coat", {"price_minor": 10**13, **EUR}, Reason.OUT_OF_RANGE, "price_minor"),
        ("item/coat", {"price_minor": 1}, Reason.MISSING_FIELD, "currency"),
        ("item/coat", {"price_minor": 1, "currency": "euro"}, Reason.UNKNOWN_VALUE, "currency"),
        ("item/coat", {"available": "yes"}, Reason.WRONG_TYPE, "available"),
        ("item/coat", {"available": 1}, Reason.WRONG_TYPE, "available"),
        ("item/coat", {"until_ms": 1_767_312_000}, Reason.OUT_OF_RANGE, "until_ms"),
        ("item/coat", {"name": ["Wool coat"]}, Reason.WRONG_TYPE, "name"),
        ("item/coat", [], Reason.NOT_AN_OBJECT, ""),
        ("item/coat", b"{", Reason.NOT_JSON, ""),
        ("item/coat", b"", Reason.EMPTY, ""),
        ("item/", {}, Reason.MISSING_FIELD, "key"),
        ("item/coat@", {}, Reason.MISSING_FIELD, "key"),
        ("item/" + "x" * 129, {}, Reason.BAD_TEXT, "key"),
        ("coat", {}, Reason.UNKNOWN_VALUE, "key"),
        (None, {}, Reason.UNKNOWN_VALUE, "key"),
        (b"\xff", {}, Reason.BAD_TEXT, "key"),
        ("site/b", {"zone": "Berlin"}, Reason.UNKNOWN_VALUE, "zone"),
        ("site/b", {"hours": {"mon": "10:00-20:00"}}, Reason.MISSING_FIELD, "zone"),
        ("site/b", {**ZONE, "hours": {"monday": "10:00-20:00"}}, Reason.UNKNOWN_VALUE, "hours"),
        ("site/b", {**ZONE, "hours": {"mon": "10-20"}}, Reason.WRONG_TYPE, "hours.mon"),
        ("site/b", {**ZONE, "hours": {"mon": "10:00-10:00"}}, Reason.OUT_OF_RANGE, "hours.mon"),
        ("site/b", {**ZONE, "hours": {"mon": "10:00-24:30"}}, Reason.OUT_OF_RANGE, "hours.mon"),
        ("site/b", {**ZONE, "hours": {"mon": ["10:00-11:00"] * 5}}, Reason.TOO_MANY, "hours.mon"),
        ("site/b", {"closed_on": ["2026-02-30"]}, Reason.WRONG_TYPE, "closed_on[0]"),
        ("site/b", {"closed_on": ["2026-12-25"] * 65}, Reason.TOO_MANY, "closed_on"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_field(
    key: str | bytes | None, value: Any, reason: Reason, field: str
) -> None:
    refused = parse_catalog(record(key, value))
    assert isinstance(refused, Rejection)
    assert (refused.reason, refused.field) == (reason, field)
    assert "149.00" not in refused.detail


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
fields = st.sampled_from(
    ["available", "price_minor", "currency", "until_ms", "name", "category", "zone", "hours"]
)
payloads = st.dictionaries(fields, json_values, max_size=5).map(lambda said: json.dumps(said).encode())
keys = st.none() | st.binary(max_size=12) | st.sampled_from([b"item/coat", b"item/coat@b", b"site/b"])


@given(keys, st.none() | st.binary(max_size=40) | payloads)
def test_any_bytes_give_a_change_or_a_refusal(key: bytes | None, value: bytes | None) -> None:
    found = parse_catalog(record(key, value))
    assert isinstance(found, (Change, Rejection))
    if isinstance(found, Change):
        assert taken_back(record(key, value)) == Change(found.item_id, found.site_id, None)
