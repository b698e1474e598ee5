"""Facts a text may use: what they give, and what they keep to themselves."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from streamproc.core.context import Context, Line, Profile, RememberedItem
from streamproc.core.event import Event
from streamproc.core.facts_paths import FACT_PATHS, trait_fact
from streamproc.core.policy.loader import load
from streamproc.core.scene import Scene
from streamproc.core.values import FactValue, Money, Term
from tests.policy.samples import CATEGORIES, FILES

WINE = '  wine: {match: ["wine*"], sensitivity: mild, adults_only: true}\n'
POLICY = load({**FILES, "categories.yaml": CATEGORIES + WINE})
COAT = RememberedItem("coat-1", "coats", "Nord", "Wool coat")
ODD = RememberedItem("odd-1", "unheard of", "", "Odd thing")
DRESS = RememberedItem("dress-1", "maternity", "Mum", "Maternity dress")
BOTTLE = RememberedItem("wine-1", "wine", "", "Red wine")


def scene(item: RememberedItem | None = None, *held: RememberedItem, **traits: object) -> Scene:
    lines = [Line(1, one) for one in held]
    profile = Profile(traits=traits)  # type: ignore[arg-type]
    return Scene(
        context=Context(cart=lines, wishlist=lines, profile=profile),
        event=Event(
            event_id="e", dialect="test", kind="app.opened", occurred_at_ms=1, received_at_ms=1, site_id="s"
        ),
        now_ms=1,
        policy=POLICY,
        zone=None,
        item=item,
        category=None if item is None else POLICY.find_category(item.category),
    )


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("item.id", "coat-1"),
        ("item.name", "Wool coat"),
        ("item.brand", "Nord"),
        ("item.category", Term({"en": "coats"})),
        ("cart.last.name", "Wool coat"),
        ("cart.last.brand", "Nord"),
        ("cart.count", 2),
        ("wishlist.last.name", "Wool coat"),
        ("wishlist.last.brand", "Nord"),
        ("wishlist.count", 2),
        ("visit.site", "s"),
    ],
)
def test_each_fact_gives_what_its_path_says(path: str, expected: FactValue) -> None:
    assert FACT_PATHS[path].get(scene(COAT, ODD, COAT)) == expected


@pytest.mark.parametrize("path", [path for path in FACT_PATHS if path != "visit.site"])
def test_a_fact_that_is_not_known_is_nothing(path: str) -> None:
    assert FACT_PATHS[path].get(scene()) is None


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ([], None),
        ([(14_900, 2, "EUR")], Money(29_800, "EUR")),
        ([(14_900, 1, "EUR"), (100, 3, "EUR")], Money(15_200, "EUR")),
        ([(14_900, 1, "EUR"), (100, 1, "USD")], None),
        ([(14_900, 1, "EUR"), (None, 1, "EUR")], None),
        ([(14_900, 1, "")], None),
    ],
)
def test_a_basket_has_a_value_only_where_all_of_it_is_priced_in_one_currency(
    held: list[tuple[int | None, int, str]], expected: Money | None
) -> None:
    one = scene()
    one.context.cart = [
        Line(1, RememberedItem(f"i-{price}", price_minor=price, quantity=quantity), currency)
        for price, quantity, currency in held
    ]
    assert FACT_PATHS["cart.value"].get(one) == expected


def test_an_item_has_the_price_and_currency_of_its_event() -> None:
    one = scene(replace(COAT, price_minor=14_900))
    assert FACT_PATHS["item.price"].get(one) is None
    one.event = replace(one.event, currency="EUR")
    assert FACT_PATHS["item.price"].get(one) == Money(14_900, "EUR")


def test_an_item_of_an_unknown_category_has_no_category_to_name() -> None:
    assert FACT_PATHS["item.category"].get(scene(ODD)) is None


@pytest.mark.parametrize("private", [DRESS, BOTTLE, ODD])
def test_a_message_about_something_else_never_names_what_is_private(private: RememberedItem) -> None:
    for path in ("cart.last.name", "wishlist.last.name", "cart.last.brand", "wishlist.last.brand"):
        assert FACT_PATHS[path].get(scene(COAT, private)) is None
        assert FACT_PATHS[path].get(scene(None, private)) is None


def test_a_message_about_the_same_category_may_name_it() -> None:
    assert FACT_PATHS["cart.last.name"].get(scene(DRESS, DRESS)) == "Maternity dress"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("oat latte", "oat latte"),
        (42, 42),
        (41.5, 41.5),
        (["tea", "mate"], "tea"),
        ([], None),
        (True, None),
        ("", None),
    ],
)
def test_a_trait_is_said_as_it_was_declared(value: object, expected: FactValue | None) -> None:
    assert trait_fact("favourite").get(scene(favourite=value)) == expected
    assert trait_fact("other").get(scene(favourite=value)) is None
