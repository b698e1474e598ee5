"""The ledger: one chain a customer, the same bytes for the same change."""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.arrival import Arrival
from streamproc.core.context import Charge, Context
from streamproc.core.decision import ConsentPosition, Decision, Source, Weighed
from streamproc.core.event import Event
from streamproc.core.facts import ConsentChange
from streamproc.core.ledger import LedgerRecord, append, charge_output, consent_output, ledger_output
from streamproc.core.record import Position
from streamproc.core.restraint import Restraint

SCHEMAS = Path(__file__).parents[2] / "topics" / "schemas"
POSITION = Position("clickstream", 4, 1207)
EVENT = Event(event_id="e-1", dialect="segment", kind="product.viewed", occurred_at_ms=5, received_at_ms=6)
WEIGHED = Weighed("send", 0.31, level_before=0.1, level_after=0.41, wariness=1.2)
CHARGE = Charge(
    at_ms=7_000,
    until_ms=9_000,
    nudge_id=bytes(16),
    event=bytes(8),
    channel="push",
    campaign="cart",
    category="coats",
    visit="berlin-1/2026-11-27",
    sensed=True,
)
DECISION = Decision(
    decision_id="d-1",
    kind="event",
    trigger="product.viewed",
    event_id="e-1",
    customer_id="c-17",
    decided_at_ms=7_000,
    result="nudged",
    candidates=[],
    source=Source("clickstream", 4, 11, 0),
    consent=ConsentPosition(4, 0),
    seq=0,
    zone="Europe/Berlin",
    policy="v1",
    config_offset=0,
)


def charged(context: Context) -> bytes:
    output = charge_output(
        "h-1", context, CHARGE, "00" * 16, Arrival(EVENT, POSITION, 4, 0), DECISION, WEIGHED
    )
    assert (output.topic, output.key) == ("ledger", b"h-1")
    assert output.value is not None
    return output.value


def read(value: bytes) -> LedgerRecord:
    return msgspec.json.decode(value, type=LedgerRecord)


def schema(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((SCHEMAS / name).read_text(encoding="utf-8"))
    return loaded


def test_the_first_record_has_number_one_and_names_none_before_it() -> None:
    value = append(Context(), "h-1", "hold", 5, "v1", channel="*", until_ms=9)
    assert value == (
        b'{"h":"h-1","seq":1,"at_ms":5,"kind":"hold","channel":"*","until_ms":9,"policy":"v1","prev":""}'
    )


def test_every_further_record_carries_the_hash_of_the_one_before() -> None:
    context = Context()
    first = append(context, "h-1", "hold", 5, "v1", channel="*", until_ms=9)
    second = read(append(context, "h-1", "mute", 6, "v1", category="coats", until_ms=9))
    assert (second.seq, second.prev) == (2, blake2b(first, digest_size=16).hexdigest())


def test_the_context_stands_for_the_last_record() -> None:
    context = Context()
    value = charged(context)
    assert (context.seq, context.chain) == (1, blake2b(value, digest_size=16).digest())


KINDS = st.sampled_from(["hold", "mute", "fulfilled"])
CHANGES = st.lists(st.builds(Restraint, KINDS, st.integers(0, 9), st.text(max_size=3), st.text(max_size=3)))


def written(changes: list[Restraint]) -> list[bytes]:
    context = Context()
    return [ledger_output("h-1", context, change, POSITION, 5, "v1").value or b"" for change in changes]


@given(CHANGES)
def test_the_same_changes_give_the_same_bytes(changes: list[Restraint]) -> None:
    assert written(changes) == written(changes)


@given(CHANGES)
def test_numbers_have_no_gap_and_every_link_holds(changes: list[Restraint]) -> None:
    values = written(changes)
    assert [read(value).seq for value in values] == list(range(1, len(values) + 1))
    links = ["", *(blake2b(value, digest_size=16).hexdigest() for value in values)]
    assert [read(value).prev for value in values] == links[:-1]


def test_a_charge_holds_all_that_its_caps_are_counted_by() -> None:
    record = read(charged(Context()))
    assert (record.channel, record.campaign, record.category) == ("push", "cart", "coats")
    assert (record.visit, record.sensed, record.zone) == ("berlin-1/2026-11-27", True, "Europe/Berlin")
    assert (record.at_ms, record.until_ms, record.policy) == (7_000, 9_000, "v1")
    assert (record.nudge_id, record.event, record.source) == (
        "00" * 16,
        "00" * 8,
        Source("clickstream", 4, 1207, 0),
    )


@pytest.mark.parametrize("kind", ["fulfilled", "hold", "mute"])
def test_a_record_is_as_the_topics_schema_says(kind: str) -> None:
    output = ledger_output("h-1", Context(), Restraint(kind, 9, category="coats"), POSITION, 5, "v1")
    for value in (output.value, charged(Context())):
        jsonschema.validate(json.loads(value or b""), schema("ledger.json"))


def test_a_word_that_was_expressed_elsewhere_is_a_record_of_consents_in_the_customers_lane() -> None:
    output = consent_output(ConsentChange("c-17", "push", "marketing", "withdrawn", 5), lane=4)
    assert (output.topic, output.key, output.lane) == ("consents", b"c-17", 4)
    row = json.loads(output.value or b"")
    jsonschema.validate(row, schema("consent.json"))
    assert (row["customer_id"], row["channel"], row["purpose"], row["state"], row["at_ms"]) == (
        *("c-17", "push", "marketing", "withdrawn"),
        5,
    )
