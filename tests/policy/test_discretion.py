"""Soft words that tell an hour, a place, what is private, or that somebody was watched are refused at load."""

from __future__ import annotations

import pytest

from streamproc.core.policy.discretion import discretion_of
from streamproc.core.policy.document import read
from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Category
from streamproc.core.policy.problems import Findings, PolicyErrors
from streamproc.ops.policy_files import load_folder
from streamproc.shipped import shipped_folder
from tests.policy.samples import GERMAN_REASONS, changed

LOOK = "campaigns/look.yaml"
SITES = """\
trigger: {event: visit.ended, sites: [berlin-1, store-7]}
when: {all: [{count: {event: visit.ended, within: 7d, min: 1, site: koeln_dom}}]}
"""
DISCRETION = discretion_of(
    [
        Category("lingerie", ("lingerie*", "apparel/underwear*"), "intimate", names={"de": "Dessous"}),
        Category("sleep_aids", ("health/sleep*",), "special", consent="category/sleep_aids"),
        Category("coats", ("coats*",), "none"),
    ],
    [node for node in [read(LOOK, SITES, Findings())] if node is not None],
)


@pytest.mark.parametrize(
    ("text", "slip"),
    [
        ("Come back at 20:00.", "name an hour: '20:00'"),
        ("Until 8 pm today.", "name an hour: '8 pm'"),
        ("Since 9 a.m. today", "name an hour: '9 a.m.'"),
        ("Around 5 am", "name an hour: 'around 5 am'"),
        ("Bis 8.30 Uhr", "name an hour: '8.30 uhr'"),
        ("We noticed something.", "say that somebody was watched: 'we noticed'"),
        ("We\N{RIGHT SINGLE QUOTATION MARK}ve seen it", 'say that somebody was watched: "we\'ve seen"'),
        ("What you looked at is here.", "say that somebody was watched: 'you looked at'"),
        ("You <b>recently</b>\n viewed it", "say that somebody was watched: 'you recently viewed'"),
        ("You were near us", "say that somebody was watched: 'you were near'"),
        ("Uns ist aufgefallen", "say that somebody was watched: 'uns ist aufgefallen'"),
        ("Wir haben etwas gesehen", "say that somebody was watched: 'wir haben etwas gesehen'"),
        ("Was Sie angesehen haben", "say that somebody was watched: 'sie angesehen haben'"),
        ("Sie waren in der Filiale", "say that somebody was watched: 'sie waren in'"),
        ("Back in Berlin", "name a place: 'berlin'"),
        ("See berlin-1.", "name a place: 'berlin-1'"),
        ("Wieder in Koeln", "name a place: 'koeln'"),
        ("More LINGERIE", "name what is private: 'lingerie'"),
        ("More underwear", "name what is private: 'underwear'"),
        ("Neue Dessous", "name what is private: 'dessous'"),
        ("New sleep aids", "name what is private: 'sleep aids'"),
    ],
)
def test_what_soft_words_must_not_say_is_found(text: str, slip: str) -> None:
    assert DISCRETION.slip(text) == f"soft words must not {slip}"


@pytest.mark.parametrize(
    "text",
    [
        "It is here.",
        "Your recently viewed items are one tap away.",
        "Something you wished for is here again.",
        "Ihre zuletzt angesehenen Artikel sind für Sie da.",
        "From 8.30 euro, 24/7, rund um die Uhr, 16:9.",
        "Nur noch 5 am Lager.",
        "New coats in our store.",
        "You are in good hands.",
        "Haben Sie das gesehen?",
    ],
)
def test_what_soft_words_may_say_is_let_be(text: str) -> None:
    assert DISCRETION.slip(text) == ""


def refused(files: dict[str, str]) -> list[str]:
    with pytest.raises(PolicyErrors) as found:
        load(files)
    return [str(one) for one in found.value.errors]


def test_the_forms_of_a_plural_are_words_too() -> None:
    files = changed(LOOK, "facts: {item: item.name}", "facts: {item: item.name, n: cart.count}")
    text = files[LOOK].replace(
        "soft: {title: Hello, body: It is here.}",
        "soft: {title: Hello, body: \"{{ n | plural(one='We saw # here', other='# here') }}\"}",
    )
    assert text != files[LOOK]
    (error,) = refused({**files, LOOK: text})
    assert error.endswith(
        "content.push.soft.body: soft words must not say that somebody was watched: 'we saw'"
    )


@pytest.mark.parametrize(
    ("said", "slip"),
    [
        ("Wir haben Sie gesehen.", "say that somebody was watched: 'wir haben sie gesehen'"),
        ("Alles zur Schwangerschaft.", "name what is private: 'schwangerschaft'"),
    ],
)
def test_a_translation_is_read_as_closely(said: str, slip: str) -> None:
    words = f"{{say: {{title: Hallo, body: Hier.}}, soft: {{title: Hallo, body: {said}}}}}"
    named = "consent: category/pregnancy, names: {de: Schwangerschaft}"
    files = changed("categories.yaml", "consent: category/pregnancy", named)
    files["reasons.yaml"] += GERMAN_REASONS
    files["translations/de/look.yaml"] = f"content:\n  push: {words}\n"
    expected = f"translations/de/look.yaml:2: content.push.soft.body: soft words must not {slip}"
    assert refused(files) == [expected]


def test_what_ships_passes_with_the_stores_that_it_names() -> None:
    assert load_folder(shipped_folder("policy")).campaigns
