"""Visits through real parts: phones that flap and never say goodbye, and one message for each after a silence."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from redis import Redis

from streamproc.store.keys import KEYS
from tests.core.shopper import campaign
from tests.e2e.installation import Installation, now_ms, until

pytestmark = pytest.mark.timeout(120)

MINUTE_MS = 60_000
SILENCE_MS = 15 * MINUTE_MS
THANKS = campaign(
    "thanks",
    "{event: visit.ended, dwell_min: 4m}",
    "{not: {visit.open: true}}",
    because="visiting",
    category="none",
    facts="{}",
    say="It was good to see you.",
    channels=("email", "in_app"),
).replace("channel: push", "channel: email")


def heard(customer: str, what: str, at_ms: int) -> tuple[str, dict[str, Any]]:
    sighting = {"event_id": f"{customer}-{what}-{at_ms}", "customer_id": customer, "kind": f"beacon.{what}"}
    return customer, sighting | {"site_id": "hamburg-1", "occurred_at_ms": at_ms, "rssi_dbm": -70}


def flapping(customer: str, last_ms: int) -> list[tuple[str, dict[str, Any]]]:
    """Be in a store for five minutes until `last_ms`, lost and found, told out of order and some of it twice."""
    told = [
        heard(customer, "entered", last_ms - 5 * MINUTE_MS),
        heard(customer, "ranged", last_ms - 3 * MINUTE_MS),
        heard(customer, "exited", last_ms - 4 * MINUTE_MS),
        heard(customer, "exited", last_ms - MINUTE_MS),
        heard(customer, "entered", last_ms - MINUTE_MS // 2),
        heard(customer, "ranged", last_ms),
    ]
    return [*told, told[0], told[3]]


async def test_each_visit_ends_once_after_a_silence_and_who_may_not_be_sensed_was_never_there(
    shop: Installation,
) -> None:
    (shop.folder / "policy/campaigns/thanks.yaml").write_text(THANKS)
    shop.policy = {**shop.policy, "campaigns/thanks.yaml": THANKS}
    seen, unseen = [f"c-{number}" for number in range(30)], [f"u-{number}" for number in range(10)]
    worker = shop.worker()
    await shop.opt_in([*seen, *unseen], "email", "in_app")
    agreed = {"channel": "*", "purpose": "sensing", "state": "granted", "source": "test"}
    await shop.produce("consents", [(one, {"customer_id": one, "at_ms": now_ms(), **agreed}) for one in seen])
    await worker.ready()
    last_ms = now_ms() - SILENCE_MS + 3_000
    await shop.produce("beacons", [told for one in [*seen, *unseen] for told in flapping(one, last_ms)])
    with Redis.from_url(shop.redis.url) as redis:
        await until(
            lambda: sum(redis.zcard(names.due) for names in KEYS) == len(seen), "nobody is waited for"
        )
        await until(lambda: sum(redis.zcard(names.due) for names in KEYS) == 0, "a visit does not end")

    async def are_thanked() -> bool:
        return len(await shop.nudges()) >= len(seen)

    # The broker of the tests does not tell the end of a partition with a single batch: nothing to be behind of.
    await until(are_thanked, "not everybody is thanked")
    await shop.caught_up()
    nudges = await shop.nudges()
    assert Counter(one["customer_id"] for one in nudges) == dict.fromkeys(seen, 1)
    assert {one["event_id"] for one in nudges} == {f"visit/hamburg-1/{last_ms - 5 * MINUTE_MS}"}
    await shop.holds()
