"""Which category a trait tells of, by the words of its name."""

from __future__ import annotations

import pytest

from streamproc.core.policy.diff import differences
from streamproc.core.policy.loader import load
from streamproc.core.policy.problems import PolicyErrors
from tests.policy.samples import CATEGORIES, FILES

SPECIAL = 'pregnancy: {match: ["maternity*"], sensitivity: special, consent: category/pregnancy'


def with_words(words: str, more: str = "") -> dict[str, str]:
    text = CATEGORIES.replace(SPECIAL, f"{SPECIAL}, traits: {words}")
    assert text != CATEGORIES
    return {**FILES, "categories.yaml": text + more}


@pytest.mark.parametrize(
    "name",
    [
        "pregnant",
        "is_pregnant",
        "predicted-pregnancy",
        "isPregnant",
        "model.PREGNANCY.score",
        "PREGNANCYScore2",
        "user pregnancy",
        "pregnancy2",
        "due_date",
        "babyDueDate",
        "Due Date",
        "ｐｒｅｇｎａｎｔ",
        "preg\u200bnant",
        "schwangerBis",
    ],
)
def test_a_trait_tells_of_a_category_by_a_word_of_its_name(name: str) -> None:
    found = load(with_words("[pregnan*, due_date, schwanger*]")).category_of_trait(name)
    assert found is not None
    assert found.name == "pregnancy"


@pytest.mark.parametrize(
    "name", ["", "_", "diet", "impregnated", "due", "residue_date", "overdue_dates", "date_due"]
)
def test_a_word_within_another_or_half_of_it_tells_nothing(name: str) -> None:
    assert load(with_words("[pregnan*, due_date]")).category_of_trait(name) is None


def test_of_two_categories_a_trait_tells_of_the_more_private() -> None:
    more = '\n  prams: {match: ["prams*"], sensitivity: mild, traits: [baby, pregnan*]}\n'
    find = load(with_words("[pregnan*]", more)).category_of_trait
    assert [one.name for one in map(find, ("baby_pregnancy", "baby")) if one] == ["pregnancy", "prams"]


def test_more_names_than_the_cache_holds_still_find_their_category() -> None:
    find = load(with_words("[pregnan*]")).category_of_trait
    assert {
        one.name for number in range(3_000) if (one := find(f"pregnancy_{chr(97 + number % 26)}_{number}"))
    } == {"pregnancy"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("[Faith]", "can never match"),
        ("[due date]", "can never match"),
        ("[dueDate]", "can never match"),
        ("['*']", "would match every name"),
        ("[]", "names no word"),
    ],
)
def test_a_word_that_says_nothing_is_refused(words: str, says: str) -> None:
    with pytest.raises(PolicyErrors) as caught:
        load(with_words(words))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("before", "after", "turned"),
    [("[faith]", "[faith, relig*]", ["tighter"]), ("[faith, relig*]", "[faith]", ["looser"])],
)
def test_a_word_that_goes_loosens(before: str, after: str, turned: list[str]) -> None:
    changes = differences(with_words(before), with_words(after))
    assert [one.restraint for one in changes] == turned
