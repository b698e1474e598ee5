"""The same records give the same bytes, and neither repeats nor strangers change what a customer hears (I9)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streamproc.core.record import Record
from streamproc.dry_run import DryRun
from streamproc.ingest.record_file import encode_record
from streamproc.ops.verify import verify
from tests.core.bazaar import BAZAAR, bazaar
from tests.core.shopper import ALLOWED, DAY_MS, FILES, HOUR_MS, MINUTE_MS, NOON_MS, shop
from tests.parts import consent, view

CUSTOMERS = ("c-1", "c-2", "c-3")
POSITIONS = ("source", "consent", "config_offset")

Step = tuple[str, str, str, int]
SHOPS = {"shop": (FILES, shop), "bazaar": (BAZAAR, bazaar)}
shops = st.sampled_from([*SHOPS])
steps = st.lists(
    st.tuples(
        st.sampled_from(CUSTOMERS),
        st.sampled_from(
            [
                *("view", "view", "wish", "order", "opt out", "opt in", "stop", "late"),
                *("forbid", "allow", "signal no", "signal yes", "late no"),
            ]
        ),
        st.sampled_from(["coat-1", "coat-2"]),
        st.integers(0, 180),
    ),
    max_size=14,
)


def payload(number: int, step: Step, now_ms: int) -> tuple[str, dict[str, Any]]:
    customer, what, item, _ = step
    match what:
        case "opt out" | "opt in":
            state = "withdrawn" if what == "opt out" else "granted"
            return "consents", consent(customer, "push", state=state) | {"at_ms": now_ms}
        case "forbid" | "allow":
            state = "withdrawn" if what == "forbid" else "granted"
            return "consents", consent(customer, "*", "processing", state) | {"at_ms": now_ms}
        case "signal no" | "signal yes" | "late no":
            at_ms = now_ms - 2 * HOUR_MS if what == "late no" else now_ms
            preferences = {"categoryPreferences": {"Advertising": what == "signal yes"}}
            message = view(customer, f"m-{number}", at_ms, item)
            return "clickstream", message | {"context": {"consent": preferences}}
        case "stop":
            return "outcomes", {
                "nudge_id": "",
                "customer_id": customer,
                "kind": "unsubscribed",
                "at_ms": now_ms,
            }
        case "late":
            return "clickstream", view(customer, f"m-{number}", now_ms - 2 * DAY_MS, item)
        case _:
            event = {
                "view": "Product Viewed",
                "wish": "Product Added to Wishlist",
                "order": "Order Completed",
            }[what]
            message = view(customer, f"m-{number}", now_ms, item) | {"event": event}
            if what == "order":
                message["properties"] = {"order_id": f"o-{number}", "products": [message["properties"]]}
            return "clickstream", message


def history(taken: Sequence[Step]) -> list[Record]:
    """Write the records of some steps, after each customer's consents; no two are at one moment."""
    rows = [
        (
            "consents",
            customer,
            consent(customer, channel, purpose) | {"at_ms": NOON_MS - DAY_MS},
            NOON_MS - DAY_MS,
        )
        for customer in CUSTOMERS
        for channel, purpose in ALLOWED
    ]
    rows += [
        (
            "profiles",
            one,
            {"customer_id": one, "timezone": "Europe/Berlin", "at_ms": NOON_MS - DAY_MS},
            NOON_MS - DAY_MS,
        )
        for one in CUSTOMERS
    ]
    now_ms = NOON_MS
    for number, step in enumerate(taken):
        now_ms += step[3] * MINUTE_MS + 1
        topic, value = payload(number, step, now_ms)
        rows.append((topic, step[0], value, now_ms))
    return placed(
        Record(topic, 0, 0, at_ms, topic == "consents", customer.encode(), json.dumps(value).encode())
        for topic, customer, value, at_ms in rows
    )


def placed(records: Iterable[Record]) -> list[Record]:
    """Give the records the offsets that a broker would."""
    ends: dict[str, int] = defaultdict(int)
    out = []
    for record in records:
        out.append(
            Record(
                record.topic,
                0,
                ends[record.topic],
                record.timestamp_ms,
                record.append_time,
                record.key,
                record.value,
            )
        )
        ends[record.topic] += 1
    return out


def played(records: Sequence[Record], name: str = "shop") -> list[Record]:
    run = DryRun(SHOPS[name][1]())
    return [output for record in records for output in run.feed(record)]


def said(
    outputs: Iterable[Record], topics: tuple[str, ...], customer: str | None = None
) -> list[dict[str, Any]]:
    """Return the values of these topics without positions."""
    values = [json.loads(one.value or b"") for one in outputs if one.topic.startswith(topics)]
    kept = [value for value in values if customer is None or value.get("customer_id") == customer]
    return [{name: value for name, value in one.items() if name not in POSITIONS} for one in kept]


def is_quiet(records: Sequence[Record], number: int, name: str) -> bool:
    """Tell whether an event met its customer without consent to processing: then nobody remembers that it came."""
    run = DryRun(SHOPS[name][1]())
    *_, caused = [run.feed(record) for record in records[: number + 1]]
    (receipt, *_) = said(caused, ("receipts",))
    return any(source["quiet"] for source in receipt["sources"])


@given(shops, steps)
def test_the_same_records_give_the_same_bytes(name: str, taken: list[Step]) -> None:
    records = history(taken)
    once, again = played(records, name), played(records, name)
    assert [encode_record(one) for one in once] == [encode_record(one) for one in again]


@given(shops, steps, st.integers(0, 50), st.integers(0, 50))
def test_a_repeat_within_the_customers_last_sixteen_events_changes_no_nudge(
    name: str, taken: list[Step], chosen: int, later: int
) -> None:
    records = history(taken)
    moments = [number for number, record in enumerate(records) if record.topic == "clickstream"]
    if not moments:
        return
    number = moments[chosen % len(moments)]
    if is_quiet(records, number, name):
        return
    place = number + 1 + later % (len(records) - number)
    repeat = records[number]
    at_ms = records[place - 1].timestamp_ms
    repeated = Record("clickstream", 0, 0, at_ms, False, repeat.key, repeat.value)
    with_repeat = placed([*records[:place], repeated, *records[place:]])
    assert said(played(with_repeat, name), ("nudges.",)) == said(played(records, name), ("nudges.",))


@given(shops, steps, st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_the_order_of_other_customers_records_changes_nothing_for_a_customer(
    name: str, taken: list[Step], chance: Any
) -> None:
    records = history(taken)
    queues = {key: [one for one in records if one.key == key] for key in {one.key for one in records}}
    shuffled: list[Record] = []
    while any(queues.values()):
        key = chance.choice([key for key, queue in queues.items() if queue])
        shuffled.append(queues[key].pop(0))
    # Time is the running maximum of the records' own, so records change places within three hours only.
    shuffled.sort(key=lambda record: record.timestamp_ms // (3 * HOUR_MS))
    before, after = played(levelled(records), name), played(levelled(placed(shuffled)), name)
    for customer in CUSTOMERS:
        topics = ("nudges.", "decisions")
        assert said(after, topics, customer) == said(before, topics, customer)


def levelled(records: list[Record]) -> list[Record]:
    """Have records of the same three hours arrive at the same moment, whatever their own times."""
    slot = 3 * HOUR_MS
    return [
        Record(
            one.topic,
            0,
            one.offset,
            (one.timestamp_ms // slot + 1) * slot,
            one.append_time,
            one.key,
            one.value,
        )
        for one in records
    ]


@given(shops, steps)
@settings(max_examples=60)
def test_whatever_happens_the_records_alone_show_that_the_promises_held(name: str, taken: list[Step]) -> None:
    records = history(taken)
    lines = [encode_record(one) for one in [*records, *played(records, name)]]
    report = verify(lines, policy_files=SHOPS[name][0], from_start=True, record_clock=True)
    assert report.violations == []


def test_the_bazaar_has_all_that_verify_judges() -> None:
    taken: list[Step] = [
        ("c-2", "opt out", "", 1),
        ("c-2", "order", "coat-1", 1),
        ("c-1", "view", "coat-1", 1),
        ("c-1", "wish", "coat-2", 90),
        ("c-3", "view", "coat-1", 1),
    ]
    outputs = played(history(taken), "bazaar")
    charges = said(outputs, ("ledger",))
    assert [
        (one["campaign"], one.get("group"), one.get("counts", True))
        for one in charges
        if one["kind"] == "charge"
    ] == [
        ("ordered", None, False),
        ("peek", None, True),
        ("wish", "winter", True),
    ]
    verdicts = {one["verdict"] for each in said(outputs, ("decisions",)) for one in each["candidates"]}
    assert verdicts == {"nudged", "suppressed", "outranked", "held_out", "shadow"}


def test_the_laws_have_nudges_to_judge() -> None:
    taken: list[Step] = [
        ("c-1", "view", "coat-1", 1),
        ("c-2", "wish", "coat-2", 1),
        ("c-1", "view", "coat-1", 90),
    ]
    nudges = said(played(history(taken)), ("nudges.",))
    assert [(nudge["customer_id"], nudge["channel"]) for nudge in nudges] == [
        ("c-1", "push"),
        ("c-2", "push"),
        ("c-1", "email"),
    ]


def test_a_dry_run_reads_what_it_writes_to_consents() -> None:
    taken: list[Step] = [
        ("c-1", "signal no", "coat-1", 1),
        ("c-1", "view", "coat-1", 1),
        ("c-1", "signal yes", "coat-1", 1),
        ("c-1", "view", "coat-1", 1),
        ("c-2", "stop", "", 1),
    ]
    outputs = played(history(taken))
    assert [(row["purpose"], row["state"]) for row in said(outputs, ("consents",))] == [
        ("processing", "withdrawn"),
        ("processing", "granted"),
        ("marketing", "withdrawn"),
    ]
    assert len(said(outputs, ("nudges.",))) == 1
