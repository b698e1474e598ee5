"""What comes due in a run without a world: in the order of time, each at its own moment, and all of it verifiable."""

from __future__ import annotations

from typing import Any

import pytest

from streamproc.core.record import Record
from streamproc.ingest.record_file import encode_record
from streamproc.ops.verify.command import verify
from streamproc.shipped import shipped_folder
from streamproc.testing import Harness

COAT: dict[str, Any] = {
    "product_id": "coat-1",
    "name": "Wool coat",
    "category": "coats",
    "price": 149.00,
    "currency": "EUR",
}
MINUTE_MS = 60_000


def shop_with(*customers: str) -> Harness:
    shop = Harness(now="2026-03-03T12:00Z")
    meet(shop, customers, ("in_app",))
    return shop


def meet(shop: Harness, customers: tuple[str, ...], consents: tuple[str, ...]) -> None:
    for customer in customers:
        shop.consent(customer, "processing", *consents)
        shop.profile(customer, timezone="Europe/Berlin")


def day(shop: Harness) -> None:
    """Let some be reminded, one buy in between, one change their mind, and one come at night."""
    for customer in ("c-2", "c-1", "c-3", "c-4"):
        shop.track(customer, "Product Added", **COAT)
    shop.advance("9m")
    shop.track("c-3", "Order Completed", order_id="o-1", products=[COAT], currency="EUR")
    shop.track("c-4", "Product Removed", **COAT)
    shop.advance("10h")
    shop.track("c-5", "Product Added", **COAT)
    shop.advance("1d")


def test_what_is_due_at_one_moment_comes_by_customer_and_at_its_own_time() -> None:
    shop = shop_with("c-1", "c-2", "c-3", "c-4")
    began_ms = shop.now_ms
    day(shop)
    assert [(nudge.customer_id, nudge.decided_at_ms - began_ms) for nudge in shop.nudges] == [
        ("c-1", 30 * MINUTE_MS),
        ("c-2", 30 * MINUTE_MS),
    ]
    due = [record for record in shop.records if record.topic == "timers"]
    assert [(record.key, record.timestamp_ms - began_ms) for record in due] == [
        (b"c-1", 30 * MINUTE_MS),
        (b"c-2", 30 * MINUTE_MS),
    ]


def test_time_goes_on_between_two_records_and_what_is_due_then_comes_first() -> None:
    shop = shop_with("c-1", "c-2")
    shop.track("c-1", "Product Added", **COAT)
    shop._now_ms += 31 * MINUTE_MS
    shop.track("c-2", "Product Viewed", **COAT)
    assert [nudge.customer_id for nudge in shop.nudges] == ["c-1"]
    topics = [record.topic for record in shop.records]
    assert topics.index("timers") < max(n for n, topic in enumerate(topics) if topic == "receipts")


def test_the_same_day_gives_the_same_bytes() -> None:
    first, second = (shop_with("c-1", "c-2", "c-3", "c-4", "c-5") for _ in range(2))
    day(first)
    day(second)
    assert first.records == second.records
    assert first.nudges


@pytest.mark.parametrize("consents", [("in_app",), ("push",)])
def test_a_day_with_reminders_and_a_held_message_keeps_every_promise(consents: tuple[str, ...]) -> None:
    shop = Harness(now="2026-03-03T12:00Z")
    inputs: list[Record] = []
    feed = shop._run.feed

    def noted(record: Record) -> list[Record]:
        inputs.append(record)
        return feed(record)

    shop._run.feed = noted  # type: ignore[method-assign]
    meet(shop, ("c-1", "c-2", "c-3", "c-4", "c-5"), consents)
    day(shop)
    lines = [encode_record(record) for record in (*inputs, *shop.records)]
    files = {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for folder in [shipped_folder("policy")]
        for path in folder.rglob("*.yaml")
    }
    report = verify(lines, policy_files=files, record_clock=True)
    assert report.violations == []
    assert report.findings[3].checked["timers"] == len(shop.nudges) == 3
    verdicts = [one.verdict for decision in shop.decisions for one in decision.candidates]
    assert verdicts.count("cancelled") == 2
    assert ("deferred" in verdicts) == (consents == ("push",))
