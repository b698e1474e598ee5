"""What holds for ever: an objection and a cap `ever` are kept without an end, and keep the shop silent."""

from __future__ import annotations

from streamproc.core.context import TTL_MS_MAX, Charge, Context
from streamproc.core.memory import NEVER_ENDS_MS
from streamproc.core.policy.loader import load
from streamproc.core.stored_context import ttl_ms
from streamproc.store import base
from streamproc.testing import Harness
from tests.core.shopper import DAY_MS, FILES, VIEWED, campaign

AGREED = ("processing", "push", "email", "in_app")


def harness(files: dict[str, str]) -> Harness:
    shop = Harness(load(files, "v1"))
    shop.consent("c-1", *AGREED)
    shop.profile("c-1", timezone="Europe/Berlin")
    return shop


def views(shop: Harness, item: str) -> int:
    shop.advance("2h")
    return len(shop.track("c-1", "Product Viewed", product_id=item, name="Wool coat", category="coats"))


def test_who_objected_hears_nothing_more_and_the_objection_is_no_dead_letter() -> None:
    for kind in ("object", "erase"):
        shop = harness(FILES)
        assert views(shop, "coat-1") == 1
        request = {"customer_id": "c-1", "request_id": "r-1", "kind": kind, "at_ms": shop.now_ms}
        shop.send(request, topic="privacy-requests", customer="c-1")
        assert (views(shop, "coat-2"), shop.rejections) == (0, [])
        shop.advance("200d")
        assert (views(shop, "coat-3"), shop.rejections) == (0, [])
        assert shop.decisions[-1].candidates[0].reasons[0].code == "hold"


def test_what_may_be_said_once_and_never_again_is_said_once() -> None:
    once = campaign("look", "{event: product.viewed}", VIEWED, caps="[{max: 1, ever: true}]")
    shop = harness({**FILES, "campaigns/look.yaml": once})
    said = [views(shop, f"coat-{number}") for number in range(3)]
    shop.advance("400d")
    shop.profile("c-1", timezone="Europe/Berlin")
    assert (said, views(shop, "coat-9"), shop.rejections) == ([1, 0, 0], 0, [])


def test_a_context_that_restrains_beyond_ten_years_lives_without_an_end() -> None:
    def lives(until_ms: int) -> int:
        spent = Charge(0, until_ms, b"n", b"e", "push", "look", "coats")
        return ttl_ms(Context(charges=[spent]), DAY_MS)

    assert TTL_MS_MAX <= base.TTL_MS_MAX
    assert [lives(until) for until in (1, TTL_MS_MAX, TTL_MS_MAX + 1, NEVER_ENDS_MS)] == [
        DAY_MS,
        TTL_MS_MAX,
        0,
        0,
    ]
