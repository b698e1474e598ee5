"""What a policy's files mean once they are loaded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.context import Context, Line, Profile, RememberedItem
from streamproc.core.event import Event
from streamproc.core.policy.bundle import DOCUMENT_BYTES_MAX, from_document, to_document
from streamproc.core.policy.loader import load, load_all, load_with_warnings, version_of
from streamproc.core.policy.model import Cap, Period, Quiet
from streamproc.core.policy.problems import PolicyErrors
from streamproc.core.rank import worth
from streamproc.core.scene import Scene
from streamproc.ops.policy_files import check, load_folder, read_folder
from streamproc.shipped import shipped_folder
from tests.policy.samples import CATEGORIES, FILES, changed, with_when

SHIPPED = Path(__file__).parents[2] / "policy"
DAY_MS = 86_400_000


def test_the_shipped_policy_loads_without_error_or_warning() -> None:
    report = check(SHIPPED)
    assert (report.errors, report.warnings) == ((), ())
    assert [note.id for note in report.campaigns] == [
        *(
            "abandoned_cart",
            "back_in_stock",
            "in_store_sale",
            "post_visit",
            "price_drop",
            "replenishment",
            "second_look",
            "wishlist_saved",
        )
    ]


def test_each_shipped_campaign_shows_a_nudge_and_a_silence() -> None:
    for note in check(SHIPPED).campaigns:
        assert {bool(example.expect) for example in note.examples} == {True, False}, note.id


def test_the_check_tells_how_long_a_rule_warms_up() -> None:
    notes = {note.id: note.warmup_text for note in check(SHIPPED).campaigns}
    assert notes["second_look"] == "needs 1 d to warm up: until then its windows are not filled"
    assert notes["abandoned_cart"] == "works at once"


def test_a_beacon_makes_a_campaign_sensed_and_a_screen_does_not() -> None:
    campaigns = load(read_folder(SHIPPED)).campaigns
    assert {name for name, campaign in campaigns.items() if campaign.sensed} == {
        "in_store_sale",
        "post_visit",
    }


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("{visit.open: true}", True),
        ("{visit.open: false}", False),
        ("{not: {visit.open: true}}", False),
        ("{not: {visit.open: false}}", True),
        ("{not: {not: {visit.open: true}}}", True),
        ("{count: {event: visit.started, within: 1d, min: 1}}", True),
        ("{count: {event: visit.started, within: 1d, max: 0}}", False),
        ("{not: {count: {event: visit.started, within: 1d, max: 0}}}", True),
        ("{any: [{cart.count: {min: 1}}, {visit.open: true}]}", True),
    ],
)
def test_speaking_because_of_a_beacon_is_sensed_and_staying_silent_is_not(
    when: str, *, expected: bool
) -> None:
    assert load(with_when(when)).campaigns["look"].sensed is expected


@pytest.mark.parametrize(
    ("when", "codes", "implied"),
    [
        ("{cart.has: {same: item}}", "[cart]", True),
        ("{not: {cart.has: {same: item}}}", "[cart]", False),
        ("{cart.count: {max: 3}}", "[cart]", False),
        ("{any: [{cart.has: {same: item}}, {trait.diet: {is: vegan}}]}", "[cart]", False),
        ("{any: [{cart.has: {same: item}}, {cart.count: {min: 1}}]}", "[cart]", True),
        ("{all: [{wishlist.count: {min: 1}}, {trait.diet: {is: vegan}}]}", "[wishlist, declared]", True),
        ("{count: {event: order.completed, within: 60d, min: 1}}", "[purchased]", True),
        ("{count: {event: order.completed, within: 60d, max: 0}}", "[purchased]", False),
        ("{count: {event: cart.item_removed, within: 60d, min: 1}}", "[cart]", False),
        ("{count: {event: alert.requested, within: 60d, min: 1}}", "[asked]", True),
        ("{surface: {in: [web]}}", "[opted_in, viewed]", True),
    ],
)
def test_a_reason_must_follow_from_the_rule_on_every_way_to_the_message(
    when: str, codes: str, *, implied: bool
) -> None:
    files = with_when(when)
    files["campaigns/look.yaml"] = files["campaigns/look.yaml"].replace(
        "because: [viewed]", f"because: {codes}"
    )
    if implied:
        assert load(files).campaigns["look"].because == tuple(codes.strip("[]").split(", "))
    else:
        with pytest.raises(PolicyErrors, match="does not follow from trigger, when or facts"):
            load(files)


def test_caps_and_hours_become_values_with_the_window_in_words() -> None:
    policy = load(FILES)
    assert policy.channels["push"].quiet == Quiet(9 * 60, 20 * 60)
    assert policy.channels["push"].caps == (Cap(1, per=Period.DAY, text="1 d"),)
    assert policy.campaigns["look"].caps == (Cap(1, rolling_ms=7 * DAY_MS, text="7 d rolling"),)
    assert policy.channels["in_store"].caps == (Cap(1, per=Period.VISIT, text="visit"),)


def test_a_charge_is_kept_for_the_longest_window_of_any_cap_and_for_ever_where_one_says_so() -> None:
    assert load(FILES).charge_ms_max == 14 * DAY_MS, "twice as long as a repetition halves in"
    month = load(changed("channels.yaml", "max: 2, rolling: 7d", "max: 2, per: month"))
    assert month.charge_ms_max == 31 * DAY_MS + 27 * 3_600_000
    assert load(changed("campaigns/look.yaml", "rolling: 7d", "ever: true")).charge_ms_max == -1


def test_only_kinds_that_some_condition_reads_are_remembered() -> None:
    assert load(FILES).remembered == {"product.viewed"}
    assert load(with_when("{cart.count: {min: 1}}")).remembered == frozenset()


def test_nobody_can_change_which_kinds_a_loaded_policy_keeps() -> None:
    kept = load(FILES).kept
    assert (type(kept), "product.viewed" in kept) == (frozenset, True)


def test_campaigns_of_a_kind_stand_by_priority_then_by_name() -> None:
    other = FILES["campaigns/look.yaml"]
    files = {
        **FILES,
        "campaigns/b.yaml": other.replace("campaign: look", "campaign: b"),
        "campaigns/a.yaml": other.replace("campaign: look", "campaign: a"),
        "campaigns/top.yaml": other.replace("campaign: look", "campaign: top").replace("ity: 40", "ity: 60"),
    }
    assert [one.id for one in load(files).by_kind["product.viewed"]] == ["top", "a", "b", "look"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("coats", "coats"),
        ("Coats/Winter", "coats"),
        ("COATS", "coats"),
        ("overcoats", "default"),
        ("", "default"),
        ("coats\nshoes", "coats"),
        ("maternity", "pregnancy"),
    ],
)
def test_an_item_finds_its_category_by_its_text_in_any_case(text: str, expected: str) -> None:
    assert load(FILES).find_category(text).name == expected


def test_an_item_of_two_groups_belongs_to_the_more_private_one() -> None:
    text = CATEGORIES.replace('"maternity*"', '"*maternity*"')
    policy = load({**FILES, "categories.yaml": text})
    assert policy.find_category("coats/maternity").name == "pregnancy"


@pytest.mark.parametrize(
    "text",
    [
        " maternity",
        "\tmaternity dresses",
        "mater\u200bnity",
        "\ufeffMaternity",
        "mater\u00adnity",
        "ｍａｔｅｒｎｉｔｙ",
        "x/maternity",
        "women > Maternity > dresses",
        "sale|maternity",
        "odd/ma\u200bternity /x",
        "Pregnancy",
        "odd/pregnancy/1",
        "baby > Expecting > shoes",
        "x / baby / expecting",
    ],
)
def test_a_special_category_is_found_however_it_is_spelled_and_wherever_in_a_path(text: str) -> None:
    categories = CATEGORIES.replace('["maternity*"]', '["maternity*", "baby/expecting*"]')
    assert load({**FILES, "categories.yaml": categories}).find_category(text).name == "pregnancy"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" coats", "coats"),
        ("ＣＯＡＴＳ", "coats"),
        ("x/coats", "default"),
        ("x/paternity", "default"),
        ("paternity > x", "default"),
        ("a/b", "default"),
        ("///", "default"),
        ("\u200b", "default"),
    ],
)
def test_only_what_is_special_is_looked_for_in_a_path(text: str, expected: str) -> None:
    assert load(FILES).find_category(text).name == expected


def test_a_pattern_in_letters_of_its_own_fits_texts_that_spell_them_otherwise() -> None:
    text = CATEGORIES.replace('"coats*"', '"größe*", "bébé*"')
    find = load({**FILES, "categories.yaml": text}).find_category
    assert {find(one).name for one in ("größe", " GRÖSSE", "be\u0301be\u0301", "bébé")} == {"coats"}


def test_more_texts_than_the_cache_holds_still_find_their_category() -> None:
    find = load(FILES).find_category
    assert {find(f"coats {number}").name for number in range(10_000)} == {"coats"}
    assert find("coats 0").name == "coats"


def test_hold_outs_and_former_names_become_values() -> None:
    keys = "priority: 40\nholdout_ratio: 0.05\nformerly: [peek, glance]\n"
    files = {
        **changed("campaigns/look.yaml", "priority: 40\n", keys),
        "channels.yaml": FILES["channels.yaml"].replace("gap_min", "holdout_ratio: 0.1, gap_min"),
    }
    policy = load(files)
    look = policy.campaigns["look"]
    assert (policy.overall.holdout_ratio, look.holdout_ratio) == (0.1, 0.05)
    assert (look.names, look.key) == (("look", "glance", "peek"), "peek")
    assert [policy.names_of(name) for name in ("look", "peek", "other")] == [
        look.names,
        look.names,
        ("other",),
    ]
    assert load(changed("campaigns/look.yaml", "priority: 40", "priority: 40\nformerly: peek")).campaigns[
        "look"
    ].formerly == ("peek",)


def ranked(**keys: str) -> dict[str, str]:
    lines = "".join(f"\n{key}: {value}" for key, value in keys.items())
    channels = FILES["channels.yaml"].replace("gap_min", "rank: value, currency: EUR, gap_min")
    return {
        **changed("campaigns/look.yaml", "priority: 40", f"priority: 40{lines}"),
        "channels.yaml": channels,
    }


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"value": "12.50"}, 1_250),
        ({"value": "12.50", "propensity": "0.2"}, 250),
        ({"value": "event"}, 990),
        ({"value": "event", "propensity": "trait.loves_coats"}, 495),
        ({"value": "cart"}, 2_000),
    ],
)
def test_what_a_message_is_worth_is_compiled(keys: dict[str, str], expected: float) -> None:
    look = load(ranked(**keys)).campaigns["look"]
    context = Context(
        profile=Profile(traits={"loves_coats": 0.5}),
        cart=[Line(0, RememberedItem("a", price_minor=1_000, quantity=2), "EUR")],
    )
    event = Event(
        event_id="e",
        dialect="d",
        kind="product.viewed",
        customer_id="c",
        occurred_at_ms=0,
        received_at_ms=0,
        value_minor=990,
        currency="EUR",
    )
    scene = Scene(
        context=context, event=event, now_ms=0, policy=load(FILES), zone=None, item=None, category=None
    )
    assert worth(look, scene) == expected


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"value": "12.505"}, "12.505 EUR is no whole number of minor units, 100 to one"),
        (
            {"value": "carts"},
            "'carts' is not a value, which is an amount or one of these; allowed are event, cart",
        ),
        ({"value": "-1"}, "-1 is not between 0 and 1000000000000"),
    ],
)
def test_a_value_that_is_no_amount_is_refused(keys: dict[str, str], message: str) -> None:
    with pytest.raises(PolicyErrors) as refused:
        load(ranked(**keys))
    assert str(refused.value).startswith(f"campaigns/look.yaml:5: value: {message}")


def test_a_campaign_without_a_value_is_a_warning_where_value_ranks() -> None:
    _, warnings = load_with_warnings(ranked())
    message = "value: has none, so it ranks behind all that have one (overall.rank is value)"
    assert [str(one) for one in warnings] == [f"campaigns/look.yaml:1: {message}"]
    assert load_with_warnings(ranked(value="1.00"))[1] == ()


def service(
    trigger: str, because: str, *, when: str = "", facts: str = "{item: item.name}"
) -> dict[str, str]:
    """Return the sample's files with its campaign made a message about an order."""
    text = re.sub(r"when:.*?channels:", f"{when}channels:", FILES["campaigns/look.yaml"], flags=re.DOTALL)
    for old, new in (
        ("purpose: marketing", "purpose: transactional\nbasis: contract\ncounts: false\nexempt_from: [gap]"),
        ("product.viewed", trigger),
        ("because: [viewed]", f"because: [{because}]"),
        ("facts: {item: item.name}", f"facts: {facts}"),
    ):
        text = text.replace(old, new)
    return {**FILES, "campaigns/look.yaml": text}


BOUGHT = "when: {count: {event: order.completed, within: 60d, min: 1}}\n"


@pytest.mark.parametrize("kind", ["order.completed", "order.updated", "order.cancelled", "order.refunded"])
def test_a_message_about_an_order_says_so_and_on_which_basis(kind: str) -> None:
    look = load(service(kind, "purchased")).campaigns["look"]
    assert (look.purpose, look.basis, look.counts, look.exempt_from) == (
        "transactional",
        "contract",
        False,
        frozenset({"gap"}),
    )


def test_an_event_of_the_shops_own_is_about_an_order_where_a_condition_shows_one() -> None:
    assert (
        load(service("custom.ready", "purchased", when=BOUGHT)).campaigns["look"].purpose == "transactional"
    )
    with pytest.raises(PolicyErrors, match=r"custom\.ready is about no order"):
        load(service("custom.ready", "declared", facts="{item: item.name, size: trait.size}"))


@pytest.mark.parametrize("code", ["opted_in", "cart"])
def test_a_message_that_needs_no_opt_in_gives_no_reason_of_marketing(code: str) -> None:
    with pytest.raises(PolicyErrors, match=f"{code} is a reason for marketing"):
        load(service("order.completed", f"purchased, {code}"))


def test_a_message_about_an_order_carries_no_offer() -> None:
    offer = "{item: item.name, other: wishlist.last.name}"
    with pytest.raises(PolicyErrors, match="facts: other speaks of what was not bought: this is marketing"):
        load(service("order.completed", "purchased", facts=offer))


def test_a_message_without_opt_in_needs_a_basis() -> None:
    files = service("order.completed", "purchased")
    files["campaigns/look.yaml"] = files["campaigns/look.yaml"].replace("basis: contract\n", "")
    with pytest.raises(PolicyErrors) as refused:
        load(files)
    assert [str(error) for error in refused.value.errors] == ["campaigns/look.yaml:1: basis: is required"]


def test_what_is_transactional_stands_before_all_marketing() -> None:
    files = service("order.completed", "purchased")
    marketing = files["campaigns/look.yaml"].replace("campaign: look", "campaign: upsell")
    marketing = re.sub(
        r"purpose: .*?priority: 40", "purpose: marketing\npriority: 90", marketing, flags=re.DOTALL
    )
    policy = load({**files, "campaigns/upsell.yaml": marketing})
    assert [one.id for one in policy.by_kind["order.completed"]] == ["look", "upsell"]


def test_a_campaign_or_a_whole_policy_in_shadow() -> None:
    one = load_all(changed("campaigns/look.yaml", "priority: 40", "priority: 40\nshadow: true"))
    assert (one.policy.campaigns["look"].shadow, one.policy.overall.shadow, one.warnings) == (True, False, ())
    whole = load_all(changed("channels.yaml", "gap_min: 1h", "gap_min: 1h, shadow: true"))
    assert (whole.policy.campaigns["look"].shadow, whole.policy.overall.shadow) == (False, True)
    assert [str(one) for one in whole.warnings] == [
        "channels.yaml:9: overall.shadow: nothing is sent while it stands, only recorded"
    ]


def grouped(*members: str) -> dict[str, str]:
    channels = FILES["channels.yaml"].replace("controls:", "groups: {winter: {window: 80d}}\ncontrols:")
    look = FILES["campaigns/look.yaml"].replace("priority: 40", "priority: 40\ngroup: winter")
    files = {
        f"campaigns/{name}.yaml": look.replace("campaign: look", f"campaign: {name}") for name in members
    }
    return {**FILES, "channels.yaml": channels, **files}


def test_a_charge_is_kept_for_the_window_of_a_group_too() -> None:
    policy, warnings = load_with_warnings(grouped("look", "glance"))
    assert {name: one.group for name, one in policy.campaigns.items()} == {
        "look": "winter",
        "glance": "winter",
    }
    assert (policy.groups["winter"].window_ms, policy.charge_ms_max, warnings) == (
        80 * DAY_MS,
        80 * DAY_MS,
        (),
    )


def test_a_campaign_alone_in_its_group_is_a_warning() -> None:
    _, warnings = load_with_warnings(grouped("look"))
    expected = "campaigns/look.yaml:5: group: no other campaign is in winter, so it excludes nothing"
    assert [str(one) for one in warnings] == [expected]


def test_no_two_campaigns_have_had_one_name() -> None:
    other = FILES["campaigns/look.yaml"].replace("campaign: look", "campaign: glance")
    files = {**FILES, "campaigns/glance.yaml": other.replace("priority: 40", "priority: 40\nformerly: look")}
    message = "campaigns/glance.yaml:5: formerly: look is, or was, the name of look: its counters cannot hang on both"
    with pytest.raises(PolicyErrors) as refused:
        load(files)
    assert [str(error) for error in refused.value.errors] == [message]


def test_a_campaign_below_the_floor_is_a_warning() -> None:
    _, warnings = load_with_warnings(changed("campaigns/look.yaml", "priority: 40", "priority: 5"))
    assert [str(one) for one in warnings] == [
        "campaigns/look.yaml:4: priority: 5 is below priority_min 10 of channels.yaml: this campaign stays silent"
    ]


def test_choosing_customers_by_what_they_spent_is_a_warning() -> None:
    files = with_when("{event.value: {min: 100, currency: EUR}}")
    text = files["campaigns/look.yaml"].replace("product.viewed}", "order.completed}")
    files["campaigns/look.yaml"] = text.replace("[viewed]", "[purchased]")
    assert [str(one) for one in load_all(files).warnings] == [
        "campaigns/look.yaml:6: when: chooses customers by what they spent; the others never hear of it"
    ]


def test_what_the_words_declare_to_reveal_can_only_rise() -> None:
    raised = changed("campaigns/look.yaml", "caps: [", "reveals: {specificity: place}\ncaps: [")
    assert load(FILES).campaigns["look"].specificity == "item"
    assert load(raised).campaigns["look"].specificity == "place"


def test_the_version_is_the_hash_of_the_files_in_any_order() -> None:
    backwards = dict(reversed(FILES.items()))
    assert load(FILES).version == load(backwards).version == "6ebab0080af4"
    assert load(FILES, "2026-03").version == "2026-03"


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=4))
def test_different_files_have_different_versions(files: dict[str, str]) -> None:
    assert version_of(dict(reversed(files.items()))) == version_of(files)
    assert version_of({**files, "one more": ""}) != version_of(files)


def test_text_moved_between_files_changes_the_version() -> None:
    assert version_of({"a": "bc", "d": ""}) != version_of({"a": "b", "cd": ""})


def test_a_policy_survives_its_travel_as_one_document() -> None:
    policy = load(FILES)
    arrived = from_document(to_document(policy))
    assert (arrived.version, arrived.files) == (policy.version, policy.files)
    assert to_document(arrived) == to_document(policy)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (b"", "is not a policy document"),
        (b"[]", "is not a policy document"),
        (b'{"version": "1"}', "is not a policy document"),
        (b'{"version": "1", "files": {"a": 1}}', "is not a policy document"),
        (b'{"version": "a b", "files": {}}', "'a b' is not a version"),
        (b'{"version": "1", "files": {}}', "channels.yaml: this file is required"),
        (b" " * (DOCUMENT_BYTES_MAX + 1), "900001 bytes, 900000 are allowed"),
    ],
)
def test_a_document_that_is_no_policy_is_refused(document: bytes, expected: str) -> None:
    with pytest.raises(PolicyErrors, match=expected):
        from_document(document)


def test_a_folder_that_is_missing_or_not_utf8_is_an_error_and_no_crash(tmp_path: Path) -> None:
    (missing,) = check(tmp_path / "nowhere").errors
    assert missing.message == "there is no such folder"
    (tmp_path / "channels.yaml").write_bytes(b"locale: \xff")
    (tmp_path / "README.md").write_text("left out")
    assert [str(error) for error in check(tmp_path).errors] == ["channels.yaml: is not UTF-8: byte 8"]


@pytest.mark.parametrize(
    ("text", "is_special"),
    [
        ("Health & Beauty > Health Care > First Aid", True),
        ("x/health", True),
        ("health/sleep", True),
        ("Gifts > Religious items", True),
        ("Health & Beauty > Cosmetics > Makeup", False),
        ("Healthy snacks", False),
        ("medicine balls", False),
        ("Relight lamps", False),
    ],
)
def test_what_ships_as_special_is_what_is_meant_and_not_what_sounds_like_it(
    text: str, *, is_special: bool
) -> None:
    found = load_folder(shipped_folder("policy")).find_category(text)
    assert (found.consent is not None) is is_special, found.name


@pytest.mark.parametrize(
    "name", ["union_square_store", "seniority_level", "screen_orientation", "religh_ted"]
)
def test_a_trait_that_sounds_like_something_special_is_a_trait_like_any_other(name: str) -> None:
    assert load_folder(shipped_folder("policy")).category_of_trait(name) is None
