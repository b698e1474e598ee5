"""Hold-out groups: even, independent, stable through renames and versions; and what becomes of who is in one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.digests import partition_of
from streamproc.core.holdout import EVERYTHING, global_group, own_group, point
from streamproc.core.policy.loader import index_by_kind
from streamproc.core.policy.model import Overall, Policy
from tests.core.shopper import DAY_MS, Said, Shopper, shop

BINS = 16
CUSTOMERS = 20_000
# What a sound generator exceeds once in ten thousand times, for 15 and for 225 degrees of freedom.
CHI_SQUARE_15, CHI_SQUARE_225 = 44.3, 310.1
IDS = {
    "numbers": [f"c-{number}" for number in range(CUSTOMERS)],
    "padded": [f"{number:012d}" for number in range(CUSTOMERS)],
    "hashes": [blake2b(bytes([n >> 8, n & 255]), digest_size=16).hexdigest() for n in range(CUSTOMERS)],
    "addresses": [f"jane.doe+{number}@shop.example" for number in range(CUSTOMERS)],
}
ids = st.text(min_size=1, max_size=40)
names = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)
ratios = st.floats(0, 1)


def chi_square(cells: Iterable[int], count: int, expected: float) -> float:
    seen = Counter(cells)
    return sum((seen[cell] - expected) ** 2 / expected for cell in range(count))


def bins(customers: list[str], group: str, salt: str = "") -> list[int]:
    return [int(BINS * point(customer, group, salt)) for customer in customers]


@pytest.mark.parametrize("group", [EVERYTHING, "look", "wish"])
@pytest.mark.parametrize("ids_like", IDS)
def test_customers_lie_evenly_whatever_their_ids_look_like(ids_like: str, group: str) -> None:
    assert chi_square(bins(IDS[ids_like], group), BINS, CUSTOMERS / BINS) < CHI_SQUARE_15


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("look", ""), ("wish", "")),
        (("look", ""), (EVERYTHING, "")),
        (("look", ""), ("look", "2027")),
        (("look", ""), ("look_", "")),
    ],
)
@pytest.mark.parametrize("ids_like", IDS)
def test_where_a_customer_lies_in_one_group_says_nothing_of_another(
    ids_like: str, one: tuple[str, str], other: tuple[str, str]
) -> None:
    pairs = zip(bins(IDS[ids_like], *one), bins(IDS[ids_like], *other), strict=True)
    cells = (BINS * first + second for first, second in pairs)
    assert chi_square(cells, BINS * BINS, CUSTOMERS / BINS**2) < CHI_SQUARE_225


def test_where_a_customer_lies_says_nothing_of_the_lane() -> None:
    customers = IDS["numbers"]
    lanes = [partition_of(customer, BINS) for customer in customers]
    cells = (BINS * lane + cell for lane, cell in zip(lanes, bins(customers, "look"), strict=True))
    assert chi_square(cells, BINS * BINS, CUSTOMERS / BINS**2) < CHI_SQUARE_225


def test_a_point_is_what_the_formula_says_and_stays_so_in_every_version() -> None:
    text = b"\x00\x00\x00\x042027" + b"\x00\x00\x00\x04look" + b"c-1"
    number = int.from_bytes(blake2b(text, digest_size=8).digest(), "big")
    assert point("c-1", "look", "2027") == (number >> 11) / 2**53 == 0.9757359564231436
    assert point("c-1", EVERYTHING) == 0.1363256439948367


@given(ids, names, st.text(max_size=10))
def test_a_point_is_a_part_of_the_whole(customer: str, group: str, salt: str) -> None:
    assert 0 <= point(customer, group, salt) < 1


@given(ids, ratios, ratios)
def test_raising_the_ratio_only_adds_customers(customer: str, one: float, other: float) -> None:
    lower, higher = sorted((one, other))
    look = shop().campaigns["look"]

    def held_out(ratio: float) -> tuple[bool, bool]:
        own = own_group(replace(look, holdout_ratio=ratio), Overall(), customer)
        return own is not None, global_group(Overall(holdout_ratio=ratio), customer) is not None

    assert held_out(0) == (False, False)
    assert held_out(1) == (True, True)
    for before, after in zip(held_out(lower), held_out(higher), strict=True):
        assert after or not before


@given(ids, st.lists(names, min_size=1, max_size=5, unique=True), ratios)
def test_a_renamed_campaign_keeps_its_group(customer: str, called: list[str], ratio: float) -> None:
    look = replace(shop().campaigns["look"], holdout_ratio=ratio)
    first = replace(look, id=called[0])
    last = replace(look, id=called[-1], formerly=tuple(called[:-1]))
    assert (own_group(first, Overall(), customer) is None) == (own_group(last, Overall(), customer) is None)


def with_groups(own: dict[str, float] | None = None, everything: float = 0.0) -> Policy:
    policy, own = shop(), own or {}
    campaigns = {
        name: replace(one, holdout_ratio=own.get(name, 0.0)) for name, one in policy.campaigns.items()
    }
    overall = replace(policy.overall, holdout_ratio=everything)
    return replace(policy, campaigns=campaigns, by_kind=index_by_kind(campaigns), overall=overall)


def verdicts(said: Said) -> list[tuple[str, str, str]]:
    return [(one.campaign, one.verdict, one.channel) for one in said.candidates]


def wishes(policy: Policy) -> tuple[Shopper, Said]:
    shopper = Shopper.opted_in(policy)
    return shopper, shopper.does("wishlist.added", "coat-1", "coats")


def test_who_is_held_out_of_a_campaign_hears_the_next_best() -> None:
    _, said = wishes(with_groups({"wish": 1.0}))
    assert verdicts(said) == [("wish", "held_out", "push"), ("wish_more", "nudged", "push")]
    assert said.reasons == [("HELD_OUT", f"wish: {point('c-1', 'wish'):.6f} < 1")]
    assert said.nudge is not None
    assert said.nudge.campaign == "wish_more"


def test_who_is_held_out_of_all_hears_nothing_and_is_charged_nothing() -> None:
    shopper, said = wishes(with_groups(everything=1.0))
    assert verdicts(said) == [("wish", "held_out", "push"), ("wish_more", "outranked", "push")]
    assert said.reasons == [("HELD_OUT", f"all campaigns: {point('c-1', EVERYTHING):.6f} < 1")]
    assert (said.nudge, said.ahead) == (None, ["decisions"])
    assert shopper.customer.context is not None
    assert shopper.customer.context.charges == []


def test_being_held_out_is_told_of_who_would_have_been_spoken_to_alone() -> None:
    shopper = Shopper.opted_in(with_groups({"look": 1.0}, everything=1.0))
    shopper.switch("campaign/look")
    assert (verdicts(shopper.views()), shopper.views().reasons) == (
        [("look", "suppressed", "push")],
        [("CAMPAIGN_OFF", "stock-taking")],
    )


def test_where_a_customer_is_held_out_hangs_on_the_ratio_to_the_last_digit() -> None:
    place = point("c-1", "look")
    assert verdicts(Shopper.opted_in(with_groups({"look": place})).views())[0][1] == "nudged"
    assert verdicts(Shopper.opted_in(with_groups({"look": place + 1e-9})).views())[0][1] == "held_out"


def renamed(policy: Policy, old: str, new: str, formerly: tuple[str, ...]) -> Policy:
    campaigns = {name: one for name, one in policy.campaigns.items() if name != old}
    campaigns[new] = replace(policy.campaigns[old], id=new, formerly=formerly)
    return replace(policy, campaigns=campaigns, by_kind=index_by_kind(campaigns))


def test_the_caps_of_a_campaign_go_with_its_name_and_come_back_with_a_rollback() -> None:
    before = shop()
    after = renamed(before, "look", "glance", ("look",))
    shopper = Shopper.opted_in(before)
    for policy in (before, after):
        shopper.rules = replace(shopper.rules, policy=policy)
        assert shopper.views().nudge is not None
        shopper.now_ms += DAY_MS
    for policy, name in ((before, "look"), (after, "glance")):
        shopper.rules = replace(shopper.rules, policy=policy)
        assert ("FREQUENCY_CAP", f"{name} 7 d rolling: 2 of 2") in shopper.views().reasons


def test_what_was_charged_before_the_former_name_was_told_counts_too() -> None:
    unsaid = renamed(shop(), "look", "glance", ())
    told = renamed(shop(), "look", "glance", ("look",))
    shopper = Shopper.opted_in(shop())
    for policy in (shop(), unsaid):
        shopper.rules = replace(shopper.rules, policy=policy)
        assert shopper.views().nudge is not None
        shopper.now_ms += DAY_MS
    shopper.rules = replace(shopper.rules, policy=told)
    assert ("FREQUENCY_CAP", "glance 7 d rolling: 2 of 2") in shopper.views().reasons


def test_a_pause_goes_with_the_name_until_the_campaign_is_resumed_under_its_new_one() -> None:
    shopper = Shopper.opted_in(renamed(shop(), "look", "glance", ("look",)))
    shopper.switch("campaign/look")
    assert shopper.views().reasons == [("CAMPAIGN_OFF", "stock-taking")]
    shopper.switch("campaign/glance", b'{"enabled":true}')
    assert shopper.views().nudge is not None
