"""The simulated day: the same each time, believable, and with something to see for every promise."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import orjson
import pytest

from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Period, Policy
from streamproc.core.record import Output, Record
from streamproc.dry_run import DryRun
from streamproc.ops.demo.calendar import at, day_of, moved
from streamproc.ops.demo.cast import CAST
from streamproc.ops.demo.payloads import Timed
from streamproc.ops.demo.shoppers import first_day, later_day
from streamproc.ops.policy_files import read_folder
from streamproc.shipped import shipped_folder

OFF = orjson.dumps({"enabled": False, "reason": "a test", "by": "a test", "at_ms": 1})


@pytest.fixture(scope="module")
def day() -> list[Timed]:
    return first_day()


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load(moved(read_folder(shipped_folder("policy"))))


@pytest.fixture(scope="module")
def written(day: list[Timed], policy: Policy) -> list[Record]:
    """What the whole pipeline writes over the day, with push off from one to three o'clock."""
    run, written = DryRun(policy), []
    offsets: Counter[str] = Counter()
    switches = [(at(0, "13:00"), Output("config", b"channel/push", OFF))]
    switches.append((at(0, "15:00"), Output("config", b"channel/push", OFF.replace(b"false", b"true"))))
    for at_ms, output in sorted([*day, *switches], key=lambda timed: timed[0]):
        offset, topic = offsets[output.topic], output.topic
        offsets[topic] += 1
        written += run.feed(Record(topic, 0, offset, at_ms, False, output.key, output.value))
    return written


def decisions(written: list[Record]) -> list[dict[str, Any]]:
    return [orjson.loads(record.value or b"") for record in written if record.topic == "decisions"]


def reasons(written: list[Record]) -> list[dict[str, Any]]:
    candidates = [candidate for decision in decisions(written) for candidate in decision["candidates"]]
    return [why for candidate in candidates for why in candidate.get("reasons", [])]


def calls(records: list[Timed]) -> list[tuple[int, dict[str, Any]]]:
    """Every track call that can be read, with the time at which it happened."""
    found = []
    for at_ms, output in records:
        if output.topic == "clickstream" and (output.value or b"").startswith(b'{"type":"track"'):
            found.append((at_ms, orjson.loads(output.value or b"")))
    return found


def test_the_same_seed_gives_the_same_day_byte_for_byte(day: list[Timed]) -> None:
    assert first_day() == day
    assert first_day(seed=8) != day


def test_the_days_lie_in_the_past_and_in_order(day: list[Timed]) -> None:
    times = [at_ms for at_ms, _ in day]
    assert times == sorted(times)
    assert {day_of(at_ms) for at_ms in times} == {-4, -3, -2, -1, 0}
    assert times[-1] < 1_764_633_600_000  # 2025-12-02


def test_there_are_some_400_shoppers_on_the_web_in_the_app_and_in_two_stores(day: list[Timed]) -> None:
    assert len({output.key for _, output in day if output.topic == "consents"}) > 250
    libraries = Counter(call["context"]["library"]["name"] for _, call in calls(day) if "context" in call)
    assert min(libraries["analytics.js"], libraries["analytics-ios"]) > 1_000
    sightings = [orjson.loads(output.value or b"") for _, output in day if output.topic == "beacons"]
    assert {sighting["site_id"] for sighting in sightings} == {"berlin-1", "berlin-2"}
    kinds = {"beacon.entered", "beacon.ranged", "beacon.dwelled", "beacon.exited"}
    assert kinds <= {sighting["kind"] for sighting in sightings}


def test_an_order_follows_a_cart_and_a_cart_follows_a_look(day: list[Timed]) -> None:
    done: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for at_ms, call in calls(day):
        if "messageId" not in call or "userId" not in call:
            continue
        properties = call["properties"]
        for item in properties.get("products") or [properties]:
            if "product_id" in item:
                done[call["userId"], item["product_id"]].setdefault(call["event"], at_ms)
    ordered = [events for events in done.values() if "Order Completed" in events]
    assert len(ordered) > 30
    late_ms = 90 * 60_000
    assert all(events["Product Added"] < events["Order Completed"] + late_ms for events in ordered)
    assert all(events["Product Viewed"] < events["Product Added"] + late_ms for events in ordered)


def test_somebody_opted_in_to_each_channel_somebody_did_not_and_somebody_revokes(day: list[Timed]) -> None:
    rows = [orjson.loads(output.value or b"") for _, output in day if output.topic == "consents"]
    granted = {(row["channel"], row["purpose"]) for row in rows if row["state"] == "granted"}
    channels = {("push", "marketing"), ("email", "marketing"), ("in_app", "marketing")}
    assert {*channels, ("*", "processing"), ("*", "sensing")} <= granted
    withdrawn = Counter(row["purpose"] for row in rows if row["state"] == "withdrawn")
    assert withdrawn["marketing"] > 5
    assert withdrawn["processing"] > 1
    assert len({row["customer_id"] for row in rows}) < 320


def test_every_shipped_campaign_speaks_to_somebody(written: list[Record], policy: Policy) -> None:
    nudged = {orjson.loads(record.value or b"")["campaign"] for record in written if "nudges" in record.topic}
    # What a month's supplies wait for lies beyond the simulated days.
    assert nudged == set(policy.campaigns) - {"replenishment"}


def test_every_cap_that_can_bind_binds_for_somebody(written: list[Record], policy: Policy) -> None:
    bound = {why["detail"].partition(":")[0] for why in reasons(written) if why["code"] == "frequency_cap"}
    used = {name for campaign in policy.campaigns.values() for name in campaign.channels}
    wanted = {f"overall {cap.text}" for cap in policy.overall.caps}
    wanted |= {f"{name} {cap.text}" for name in used for cap in policy.channels[name].caps}
    # A visit triggers a campaign once, so that its own cap a visit never binds.
    own = [(one.id, cap) for one in policy.campaigns.values() for cap in one.caps]
    wanted |= {f"{name} {cap.text}" for name, cap in own if cap.per is not Period.VISIT}
    wanted |= {f"{one.name} {cap.text}" for one in policy.categories.values() for cap in one.caps}
    # Before these are used up, the throttle's budget is.
    wanted -= {"push 7 d rolling", "overall 7 d rolling", "in_store_sale 30 d rolling"}
    wanted -= {"replenishment 14 d rolling"}
    assert wanted <= bound
    assert {"gap", "visit_cap"} <= {why["code"] for why in reasons(written)}


def test_silence_has_many_reasons(written: list[Record]) -> None:
    codes = {why["code"] for why in reasons(written)}
    assert codes >= {
        "channel_not_opted_in",
        "channel_off",
        "channel_turned_off_by_customer",
        "quiet_hours",
        "zone_unknown",
        "sensing_not_consented",
        "intent_fulfilled",
        "shared_device_private_category",
        "minor_or_unknown_age_restricted",
        "paused",
        "category_muted",
        "hold",
        "creep",
    }


def test_every_kind_of_broken_payload_becomes_a_dead_letter_with_its_reason(written: list[Record]) -> None:
    letters = [dict(record.headers) for record in written if record.topic == "dead-letters"]
    assert {letter["x-dlq-reason"].decode() for letter in letters} == {
        "empty",
        "in_the_future",
        "missing_field",
        "no_identity",
        "not_an_object",
        "not_json",
        "too_deep",
        "too_large",
        "unknown_envelope",
        "unknown_value",
        "wrong_type",
    }


def test_duplicates_late_and_old_events_are_among_the_traffic(written: list[Record]) -> None:
    counts: Counter[str] = Counter()
    for record in written:
        if record.topic == "receipts":
            for source in orjson.loads(record.value or b"")["sources"]:
                counts.update({name: source[name] for name in ("duplicate", "too_old", "quiet", "rejected")})
    assert counts["duplicate"] > 10
    assert counts["too_old"] == 1
    assert min(counts["quiet"], counts["rejected"]) > 10


def test_what_the_policy_does_not_know_is_spoken_of_softly(written: list[Record]) -> None:
    shows = [persona.shows for persona in CAST].index("what we do not know is not named")
    nudges = [orjson.loads(record.value or b"") for record in written if "nudges" in record.topic]
    (nudge,) = [one for one in nudges if one["customer_id"] == f"c-{shows + 1:04}"]
    assert nudge["creep"]["rung"] in ("soften", "quieter")
    assert "Mystery" not in str(nudge["content"])


def test_a_later_day_is_another_day_of_the_same_shoppers(day: list[Timed]) -> None:
    later = later_day(3)
    assert {day_of(at_ms) for at_ms, _ in later} <= {3, 4}
    assert later == later_day(3)
    ids = {call["messageId"] for _, call in calls(day) if "messageId" in call}
    assert not ids & {call["messageId"] for _, call in calls(later) if "messageId" in call}


def test_the_sale_is_moved_to_the_simulated_days_and_nothing_else_is(policy: Policy) -> None:
    shipped = read_folder(shipped_folder("policy"))
    changed = {name for name, text in moved(shipped).items() if text != shipped[name]}
    assert changed == {"campaigns/in_store_sale.yaml"}
    sale = policy.campaigns["in_store_sale"]
    assert (sale.active_from, sale.active_until) == ("2025-11-28", "2025-12-01")
