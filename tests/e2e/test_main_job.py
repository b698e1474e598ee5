"""The main job on real parts: records in, nudges out, with consent only."""

from __future__ import annotations

import pytest

from streamproc.core.digests import nudge_id
from tests.e2e.installation import Installation, until

pytestmark = pytest.mark.timeout(120)


async def test_a_view_becomes_one_nudge_with_decision_charge_and_receipt(shop: Installation) -> None:
    await shop.opt_in(["c-17"], "push")
    worker = shop.worker()
    await shop.view("c-17", message="m-1")
    (nudge,) = await until(lambda: shop.values("nudges.push"), "no nudge came")
    assert (nudge["nudge_id"], nudge["customer_id"]) == (nudge_id("c-17", "m-1"), "c-17")
    await shop.caught_up()
    (decision,) = await shop.values("decisions")
    (charge,) = [one for one in await shop.values("ledger") if one["kind"] == "charge"]
    assert decision["nudge_id"] == charge["nudge_id"] == nudge["nudge_id"]
    report = await shop.holds()
    assert report.counts["I1"]["records"] == 4
    assert [report.counts[name]["nudges"] for name in ("I3", "I4")] == [1, 1]
    assert await worker.waits_for() == []


async def test_without_consent_nothing_is_said_and_of_strangers_nothing_is_recorded(
    shop: Installation,
) -> None:
    await shop.opt_in(["left"], "push", "email", "in_app")
    await shop.withdraw("left", "*")
    shop.worker()
    await shop.view("left", "stranger")
    await shop.caught_up()
    assert await shop.nudges() == []
    (decision,) = await shop.values("decisions")
    assert decision["customer_id"] == "left"
    codes = {why["code"] for one in decision["candidates"] for why in one["reasons"]}
    assert codes == {"channel_not_opted_in"}
    await shop.holds()


async def test_a_profile_that_is_read_before_the_consent_to_keep_it_is_kept(shop: Installation) -> None:
    customers = [f"c-{number}" for number in range(200)]
    await shop.opt_in(customers, "push")
    shop.worker()
    await shop.caught_up()
    await shop.view(*customers)
    await shop.caught_up()
    assert {one["zone"] for one in await shop.values("decisions")} == {"Europe/Berlin"}
    assert len(await shop.nudges()) == 200
