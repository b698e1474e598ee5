"""Nothing special is ever remembered without its consent: of all that ships, whoever told it, however it is spelled."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Policy
from streamproc.core.stored_context import encode_context
from streamproc.ops.policy_files import read_folder
from tests.core.shopper import HOUR_MS, Shopper

SHIPPED = Path(__file__).parents[2] / "policy"
MUSTARD = "mustard-seed-7"
# By category: how shops spell it, and traits that tell of it.
SPECIAL = {
    "pregnancy": (("maternity", "x/Maternity wear"), ("isPregnant", "due_date", "schwangerschaft")),
    "health": (("pharmacy", "home > health"), ("diagnosis_code", "userHIVStatus", "krankheit")),
    "faith": (
        ("religion", "books/religion/bibles"),
        ("predicted_faith", "religionszugehoerigkeit", "is-Muslim"),
    ),
    "sexuality": (("erotic books", "Ｅｒｏｔｉｃ"), ("sexualOrientation", "lgbt.score", "schwul")),
    "ethnicity": (("ethnicity", "x|ethnicity"), ("userEthnicity", "race", "ethnie")),
    "politics": (("politics", "trade union\u200bs"), ("union_member", "politicalParty", "gewerkschaft")),
    "age": (("seniors", "age groups/60+"), ("age", "dateOfBirth", "alter", "birthday")),
}
UNKNOWN = ("", "superstition", "horoscopes", "x/y", " ")
PROVENANCES = ("declared", "asked", "purchase", "viewed", "sensed", "inferred", "broker", "?", "")
CATEGORY = st.sampled_from(sorted(SPECIAL))
MOMENTS = ("product.viewed", "cart.item_added", "wishlist.added", "alert.requested")


@cache
def shipped() -> Policy:
    return load(read_folder(SHIPPED))


def shopper_with(consents: tuple[str, ...] = ()) -> Shopper:
    shopper = Shopper.opted_in(shipped())
    for name in consents:
        shopper.consents("*", f"category/{name}")
    return shopper


def remembers(shopper: Shopper) -> bool:
    assert shopper.customer.context is not None
    return MUSTARD.encode() in encode_context(shopper.customer.context)


def fact(**more: str) -> dict[str, str]:
    told = {
        "name": "note",
        "value": MUSTARD,
        "about": "self",
        "provenance": "declared",
        "category": "",
    } | more
    return {key: value for key, value in told.items() if value or key not in ("category", "provenance")}


def test_all_that_ships_as_special_is_tried_here() -> None:
    assert {name for name, one in shipped().categories.items() if one.consent} == SPECIAL.keys()


@given(
    CATEGORY.flatmap(
        lambda name: st.tuples(
            st.just(name),
            st.sampled_from((name, *SPECIAL[name][0])),
            st.sets(CATEGORY).map(lambda agreed: tuple(sorted(agreed))),
        )
    ),
    st.sampled_from(PROVENANCES),
    st.sampled_from(["self", "household", "other"]),
)
def test_a_fact_of_a_special_category_is_kept_only_as_the_customers_own_word_with_its_consent(
    said: tuple[str, str, tuple[str, ...]], provenance: str, about: str
) -> None:
    name, category, agreed = said
    shopper = shopper_with(agreed)
    shopper.tells(facts=(fact(category=category, provenance=provenance, about=about),))
    own = provenance in ("declared", "asked") and about == "self"
    assert remembers(shopper) == (own and name in agreed)


@given(
    said=CATEGORY.flatmap(lambda name: st.tuples(st.just(name), st.sampled_from(SPECIAL[name][1]))),
    category=st.sampled_from(["", "coats", "apparel/coats"]),
    provenance=st.sampled_from(PROVENANCES),
    agreed=st.booleans(),
)
def test_a_fact_whose_name_tells_of_a_special_category_is_of_it(
    said: tuple[str, str], category: str, provenance: str, *, agreed: bool
) -> None:
    special, name = said
    shopper = shopper_with((special,) if agreed else ())
    shopper.tells(facts=(fact(name=name, category=category, provenance=provenance),))
    assert remembers(shopper) == (agreed and provenance in ("declared", "asked"))


@given(
    st.sampled_from(UNKNOWN), st.sampled_from(PROVENANCES), st.sampled_from(["self", "household", "other"])
)
def test_a_guess_of_no_known_category_is_not_kept_nor_anything_of_a_category_nobody_knows(
    category: str, provenance: str, about: str
) -> None:
    shopper = shopper_with(tuple(SPECIAL))
    shopper.tells(facts=(fact(category=category, provenance=provenance, about=about),))
    own = provenance in ("declared", "asked", "purchase", "viewed") and about != "other"
    assert remembers(shopper) == (own and not category)


@given(
    CATEGORY.flatmap(lambda name: st.tuples(st.just(name), st.sampled_from(SPECIAL[name][1]))),
    st.sets(CATEGORY).map(lambda agreed: tuple(sorted(agreed))),
)
def test_a_trait_that_tells_of_a_special_category_is_kept_only_with_its_consent(
    said: tuple[str, str], agreed: tuple[str, ...]
) -> None:
    special, name = said
    shopper = shopper_with(agreed)
    shopper.tells(traits={name: MUSTARD})
    assert remembers(shopper) == (special in agreed)
    assert shopper.customer.context is not None
    assert shopper.customer.context.profile is not None
    assert (f"trait.{name}" in shopper.customer.context.profile.at) == (special in agreed)


@example(name="faith", doings=["product.viewed", "trait", "fact", *MOMENTS], agreed=True)
@given(
    name=CATEGORY,
    doings=st.lists(st.sampled_from([*MOMENTS, "trait", "fact"]), min_size=1, max_size=12),
    agreed=st.booleans(),
)
def test_whatever_was_remembered_of_a_special_category_goes_when_its_consent_does(
    name: str, doings: list[str], *, agreed: bool
) -> None:
    shopper = shopper_with((name,) if agreed else ())
    others = [other for other in SPECIAL if other != name]
    for number, doing in enumerate(doings):
        spellings, traits = SPECIAL[name]
        if doing == "trait":
            shopper.tells(traits={traits[number % len(traits)]: MUSTARD})
        elif doing == "fact":
            shopper.tells(facts=(fact(category=spellings[number % len(spellings)]),))
        else:
            shopper.does(doing, f"{MUSTARD}-{number}", spellings[number % len(spellings)])
        shopper.now_ms += HOUR_MS
    for other in others:
        shopper.consents("*", f"category/{other}")
    if agreed:
        assert remembers(shopper)
        shopper.consents("*", f"category/{name}", "withdrawn")
    assert not remembers(shopper)
    assert all(timer.item is None for timer in shopper.timers)


@pytest.mark.parametrize(
    "name", ["diet", "size", "favourite_category", "in_store_features", "language", "package"]
)
def test_traits_that_tell_of_nothing_special_need_no_consent(name: str) -> None:
    shopper = shopper_with()
    shopper.tells(traits={name: MUSTARD})
    assert remembers(shopper)
