"""A veto silences a message whichever of the things that it is about it concerns."""

from __future__ import annotations

from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.event import Item
from streamproc.core.facts import Preferences
from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Policy
from tests.core.shopper import campaign
from tests.creep.test_laws import THROTTLED, known, spent

GROUPS = {"coats": "coats", "toys": "toys", "wine": "wine", "pregnancy": "maternity", "default": "odd"}
groups = st.sampled_from(sorted(GROUPS))


@cache
def speaking_of(category: str, condition: str) -> Policy:
    """Compile a shop whose one campaign is of this category, has a condition on another, and names a wish."""
    named = f"{{cart.has: {{category: {condition}}}}}" if condition else "{surface: {in: [web]}}"
    text = campaign(
        "all",
        "{event: product.viewed}",
        f"{{any: [{{surface: {{in: [none]}}}}, {named}]}}",
        category=category,
        facts="{wish: wishlist.last.name}",
        because="opted_in",
        say="{{ wish }} is here.",
    )
    frame = {name: one for name, one in THROTTLED.items() if not name.startswith("campaigns/")}
    return load({**frame, "campaigns/all.yaml": text})


@given(
    st.sampled_from(["none", "from_item", "coats", "toys", "wine", "pregnancy"]),
    st.sampled_from(["", "coats", "toys", "wine", "pregnancy"]),
    st.lists(groups, min_size=1, max_size=3),
    st.none() | groups,
    st.sets(st.sampled_from(["shared", "adult", "consent", "withdrawn"])),
    st.sets(st.sampled_from(["coats", "toys", "pregnancy"])),
    st.floats(0, 2),
)
def test_a_veto_silences_whichever_of_its_subjects_it_concerns(
    category: str,
    condition: str,
    viewed: list[str],
    wished: str | None,
    told: set[str],
    muted: set[str],
    level: float,
) -> None:
    shopper = known(speaking_of(category, condition))
    if told & {"consent", "withdrawn"}:
        shopper.consents("*", "category/pregnancy")
    if wished is not None:
        shopper.does("wishlist.added", "wish-1", GROUPS[wished])
    if "withdrawn" in told:
        shopper.consents("*", "category/pregnancy", "withdrawn")
    preferences = Preferences(muted_categories=tuple(muted))
    shopper.tells(
        shared=("device",) if "shared" in told else (), minor="adult" not in told, preferences=preferences
    )
    context = shopper.customer.context
    assert context is not None
    items = tuple(Item(f"item-{number}", category=GROUPS[name]) for number, name in enumerate(viewed))
    wish = [name for name in (wished,) if name is not None and context.wishlist]
    about = {*viewed, *wish, *({category, condition} - {"none", "from_item", ""})}
    vetoes = {
        "SHARED_DEVICE": "shared" in told and about & {"toys", "pregnancy", "default"},
        "ADULTS_ONLY": "adult" not in told and "wine" in about,
        "SPECIAL_CATEGORY": told & {"consent", "withdrawn"} != {"consent"} and "pregnancy" in about,
        "CATEGORY_MUTED": muted & about,
    }
    said = spent(shopper, level, 1).does("product.viewed", items=items)
    wanted = {code for code, holds in vetoes.items() if holds}
    assert {code for code, _ in said.reasons} & vetoes.keys() == wanted
    assert not (wanted and said.nudge)
