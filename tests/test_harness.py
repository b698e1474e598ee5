"""The harness for users' tests, and the page that explains it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streamproc.core.policy.problems import PolicyErrors
from streamproc.testing import Harness

ROOT = Path(__file__).parents[1]
PAN: dict[str, Any] = {"product_id": "pan-1", "name": "Iron pan", "category": "kitchen", "price": 29.00}
WISH = "Product Added to Wishlist"


def documented() -> dict[str, Any]:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "testing.md").read_text("utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(code, "docs/testing.md", "exec"), names)
    return {name: test for name, test in names.items() if name.startswith("test_")}


@pytest.mark.parametrize("name", documented())
def test_every_example_of_the_page_holds(name: str) -> None:
    documented()[name]()


def test_the_page_names_every_public_call_and_list() -> None:
    page = (ROOT / "docs" / "testing.md").read_text("utf-8")
    public = [name for name in vars(Harness) if not name.startswith("_") and name != "now_ms"]
    assert [name for name in public if f"`{name}(" not in page] == []
    assert all(f"`{name}`" in page for name in ("nudges", "decisions", "rejections", "records"))


def test_a_withdrawal_silences_and_leaves_others_alone() -> None:
    shop = Harness()
    for customer in ("c-1", "c-2"):
        shop.consent(customer, "processing", "in_app")
        shop.profile(customer, timezone="Europe/Berlin")
    shop.consent("c-1", "in_app", state="withdrawn")
    assert shop.track("c-1", WISH, **PAN) == []
    assert [nudge.customer_id for nudge in shop.track("c-2", WISH, **PAN)] == ["c-2"]


def test_ga4_is_remembered_nudged_and_known_again_like_every_dialect() -> None:
    shop = Harness()
    shop.consent("c-1", "processing", "in_app")
    shop.profile("c-1", timezone="Europe/Berlin")
    wish = {
        "currency": "EUR",
        "items": [{"item_id": "pan-1", "item_name": "Iron pan", "item_category": "kitchen"}],
    }
    request = {"client_id": "5.17", "user_id": "c-1", "timestamp_micros": shop.now_ms * 1000}
    (nudge,) = shop.send({**request, "events": [{"name": "add_to_wishlist", "params": wish}]})
    assert (nudge.campaign, "Iron pan" in str(nudge.content["body"])) == ("wishlist_saved", True)
    order = {"name": "purchase", "params": {"transaction_id": "o-7", "value": 29.0, **wish}}
    shop.send({**request, "events": [order]})
    shop.advance("5m")
    shop.send({**request, "timestamp_micros": shop.now_ms * 1000, "client_id": "9.9", "events": [order]})
    counts = [
        json.loads(record.value or b"")["sources"][0] for record in shop.records if record.topic == "receipts"
    ]
    assert [(count["events"], count["duplicate"]) for count in counts[-2:]] == [(1, 0), (1, 1)]


def test_consent_mode_refuses_for_a_customer_who_agreed_before() -> None:
    shop = Harness()
    shop.consent("c-1", "processing", "in_app")
    shop.profile("c-1", timezone="Europe/Berlin")
    hit = {"event_name": "add_to_wishlist", "client_id": "5.17", "user_id": "c-1", "ga_session_id": "1"}
    items = [{"item_id": "pan-1", "item_name": "Iron pan", "item_category": "kitchen"}]
    assert shop.send(hit | {"items": items, "x-ga-gcs": "G100"}) == []
    shop.advance("2d")
    assert shop.send(hit | {"items": items}) == []


def test_a_producers_signal_counts_once_its_record_came_back_as_it_does_in_kafka() -> None:
    shop = Harness()
    shop.consent("c-1", "in_app")
    wish = {"type": "track", "event": WISH, "messageId": "m-1", "userId": "c-1", "properties": PAN}
    signal = {"consent": {"categoryPreferences": {"Advertising": True}}, "timezone": "Europe/Berlin"}
    assert shop.send(wish | {"context": signal}) == []
    assert len(shop.send(wish | {"context": signal, "messageId": "m-2"})) == 1
    signal["consent"] = {"categoryPreferences": {"Advertising": False}}
    shop.advance("2d")
    assert shop.send(wish | {"context": signal, "messageId": "m-3"}) == []
    assert [record.topic for record in shop.records].count("consents") == 2


def test_a_profile_says_whose_evening_it_is() -> None:
    shop = Harness(now="2026-03-03T21:00Z")
    for customer, zone in (("c-night", "Europe/Berlin"), ("c-day", "America/New_York")):
        shop.consent(customer, "processing", "push")
        shop.profile(customer, timezone=zone)
        shop.track(customer, "Product Added", **PAN | {"price": 149.00, "category": "coats"}, currency="EUR")
    shop.advance("30m")
    assert [nudge.customer_id for nudge in shop.nudges] == ["c-day"]
    shop.advance("11h30m")
    assert [nudge.customer_id for nudge in shop.nudges] == ["c-day", "c-night"]


def test_a_beacon_is_sent_as_a_beacon() -> None:
    shop = Harness()
    shop.consent("c-1", "processing", "push", "sensing")
    shop.beacon("c-1", "beacon.entered", site="store-1")
    assert shop.rejections == []
    assert shop.records[-1].topic == "receipts"


def test_what_is_refused_is_listed_with_its_reason() -> None:
    shop = Harness()
    assert shop.send(b"no json") == []
    assert len(shop.rejections) == 1
    assert shop.rejections[0]


def test_the_same_calls_give_the_same_bytes() -> None:
    def run() -> list[Any]:
        shop = Harness()
        shop.consent("c-1", "processing", "in_app")
        shop.profile("c-1", timezone="Europe/Berlin")
        assert len(shop.track("c-1", WISH, **PAN)) == 1
        return shop.records

    assert run() == run()


@pytest.mark.parametrize(
    ("duration", "moved_ms"), [("30m", 1_800_000), ("1d12h", 129_600_000), ("5s", 5_000)]
)
def test_time_moves_by_what_is_said(duration: str, moved_ms: int) -> None:
    shop = Harness(now=1_000)
    shop.advance(duration)
    assert shop.now_ms == 1_000 + moved_ms


@pytest.mark.parametrize("duration", ["", "30", "m", "-5m", "1 h"])
def test_what_is_no_duration_is_refused(duration: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        Harness().advance(duration)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        Harness(now="2026-03-03T12:00")


@pytest.mark.parametrize(
    ("call", "near"),
    [
        (lambda shop: shop.consent("c-1", "in_ap"), "did you mean 'in_app'"),
        (lambda shop: shop.consent("c-1", "procesing"), "did you mean 'processing'"),
        (lambda shop: shop.consent("c-1", "category/pregnency"), "no channel or purpose"),
        (lambda shop: shop.consent("c-1", "push", state="withdrew"), "did you mean 'withdrawn'"),
        (lambda shop: shop.switch("channel/in-app", on=False), "did you mean 'channel/in_app'"),
        (lambda shop: shop.switch("campaign/wishlist", on=False), "did you mean 'campaign/wishlist_saved'"),
        (lambda shop: shop.send({}, topic="clikstream"), "did you mean 'clickstream'"),
    ],
)
def test_a_mistyped_name_is_refused_with_the_nearest_one(call: Callable[[Harness], Any], near: str) -> None:
    shop = Harness()
    with pytest.raises(ValueError, match=re.escape(near)):
        call(shop)
    assert shop.records == []


@pytest.mark.parametrize("now", ["noon", "2026-13-01T00:00Z", None, 1.5])
def test_what_is_no_time_is_refused_with_what_is_one(now: Any) -> None:
    with pytest.raises(ValueError, match="is no time: write 2026-03-03T12:00Z"):
        Harness(now=now)


def test_a_folder_that_is_no_policy_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyErrors):
        Harness(tmp_path / "none")


def test_what_the_shop_says_of_an_item_silences_who_looks_at_it_until_it_is_taken_back() -> None:
    shop = Harness()
    shop.consent("c-1", "processing", "in_app")
    shop.profile("c-1", timezone="Europe/Berlin")
    shop.catalog("item/pan-1", available=False)
    assert shop.track("c-1", WISH, **PAN) == []
    assert shop.decisions[-1].candidates[0].reasons[0].code == "item_unavailable"
    shop.catalog("item/pan-1")
    shop.track("c-1", "Product Removed from Wishlist", **PAN)
    assert len(shop.track("c-1", WISH, **PAN)) == 1
    shop.catalog("item/pan-1", available="yes")
    assert shop.rejections == ["wrong_type"]
