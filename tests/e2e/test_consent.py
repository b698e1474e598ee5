"""A withdrawal is never overtaken: not by what was queued before it, and within a second on a live worker."""

from __future__ import annotations

import time

import pytest

from tests.e2e.installation import Installation, now_ms, until
from tests.parts import consent, view

pytestmark = pytest.mark.timeout(120)

CUSTOMERS = [f"c-{number}" for number in range(100)]


async def test_who_withdraws_while_their_clicks_wait_for_a_worker_hears_nothing(shop: Installation) -> None:
    await shop.opt_in(CUSTOMERS, "push")
    first = shop.worker()
    await shop.caught_up()
    first.stop()
    await until(lambda: first.process.poll() is not None, "the worker did not stop", 30)
    await shop.view(*CUSTOMERS)
    for customer in CUSTOMERS[:50]:
        await shop.withdraw(customer, "push")
    shop.worker()
    await shop.caught_up()
    assert {one["customer_id"] for one in await shop.nudges()} == set(CUSTOMERS[50:])
    await shop.holds()


async def test_a_live_worker_applies_a_withdrawal_within_a_second(shop: Installation) -> None:
    await shop.opt_in(CUSTOMERS[:2], "push")
    worker = shop.worker()
    await worker.ready()
    await shop.caught_up()
    await shop.withdraw("c-0", "*")
    written_s = time.monotonic()
    ends = await shop.ends("consents")

    async def applied() -> bool:
        covered = await shop.covered()
        return all(covered[source] >= end for source, end in ends.items())

    await until(applied, "the withdrawal was not applied", 10)
    assert time.monotonic() - written_s < 1.0
    await shop.view("c-0", "c-1")
    await shop.caught_up()
    assert [one["customer_id"] for one in await shop.nudges()] == ["c-1"]
    await shop.holds()


async def test_who_unsubscribes_by_an_outcome_is_withdrawn_on_the_record(shop: Installation) -> None:
    await shop.opt_in(["c-1"], "push", "email")
    shop.worker()
    await shop.view("c-1")
    (nudge,) = await until(shop.nudges, "no nudge came")
    at_ms = nudge["decided_at_ms"] + 1
    outcome = {"nudge_id": nudge["nudge_id"], "customer_id": "c-1", "kind": "unsubscribed", "at_ms": at_ms}
    await shop.produce("outcomes", [("c-1", outcome)])
    await shop.caught_up()
    await shop.view("c-1", item="coat-2")
    await shop.caught_up()
    assert len(await shop.nudges()) == 1
    rows = [one for one in await shop.values("consents") if one["state"] == "withdrawn"]
    assert [(one["channel"], one["purpose"], one["source"]) for one in rows] == [
        ("push", "marketing", "outcome")
    ]
    await shop.holds()


async def test_what_a_producer_signals_goes_through_the_record(shop: Installation) -> None:
    """Who agreed by the cookie banner is heard once that is on `consents`; who refuses there is left alone at once."""

    async def click(customer: str, *, agrees: bool, **context: object) -> None:
        preferences = {"categoryPreferences": {"Advertising": agrees}}
        call = view(customer, f"{customer}-{time.monotonic_ns()}", now_ms(), "coat-1")
        await shop.produce(
            "clickstream", [(customer, call | {"context": {"consent": preferences, **context}})]
        )

    await shop.opt_in(["c-no"], "push")
    await shop.produce("consents", [("c-yes", consent("c-yes", "push") | {"at_ms": now_ms()})])
    shop.worker()
    await click("c-no", agrees=False)
    await click("c-yes", agrees=True)
    await shop.caught_up()
    await click("c-yes", agrees=True, timezone="Europe/Berlin")
    await shop.view("c-no", item="coat-2")
    await shop.caught_up()
    assert [one["customer_id"] for one in await shop.nudges()] == ["c-yes"]
    rows = [one for one in await shop.values("consents") if one["source"].startswith("signal/")]
    assert {(one["customer_id"], one["purpose"], one["state"]) for one in rows} == {
        ("c-no", "processing", "withdrawn"),
        ("c-yes", "processing", "granted"),
    }
    await shop.holds()
