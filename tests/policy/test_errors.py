"""Every mistake is named with its file and line, and all of them at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamproc.core.policy.loader import load
from streamproc.core.policy.problems import PolicyErrors
from tests.policy.samples import CAMPAIGN, FILES, changed, with_when

TABLE = Path(__file__).with_name("errors.txt")


def cases() -> list[tuple[dict[str, str], list[str]]]:
    """Read the table: for each block the changed files and the errors they must give."""
    found = []
    for block in TABLE.read_text("utf-8").split("\n\n")[1:]:
        lines = block.strip("\n").split("\n")
        marked = {mark: [line[2:] for line in lines if line[:1] == mark] for mark in "=-+!"}
        new = marked["+"][0].replace("\\n", "\n")
        old = [text.replace("\\n", "\n") for text in marked["-"]]
        files = changed(marked["="][0], old[0], new) if old else with_when(new)
        found.append((files, marked["!"]))
    return found


def errors_of(files: dict[str, str]) -> list[str]:
    with pytest.raises(PolicyErrors) as refused:
        load(files)
    return [str(error) for error in refused.value.errors]


@pytest.mark.parametrize(("files", "expected"), cases())
def test_a_mistake_is_named_with_file_and_line(files: dict[str, str], expected: list[str]) -> None:
    assert errors_of(files) == expected


def test_the_table_holds_more_than_a_hundred_mistakes() -> None:
    assert len(cases()) > 100


def test_mistakes_in_several_files_are_all_reported_at_once() -> None:
    files = {
        **changed("channels.yaml", "form: sms", "form: mail"),
        "campaigns/look.yaml": CAMPAIGN.replace("priority: 40", "priority: high"),
    }
    assert [error.split(": ")[0] for error in errors_of(files)] == [
        "campaigns/look.yaml:4",
        "channels.yaml:4",
    ]


def test_a_missing_file_is_named() -> None:
    files = {name: text for name, text in FILES.items() if name != "reasons.yaml"}
    assert "reasons.yaml: this file is required" in errors_of(files)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("categorys.yaml", "categorys.yaml: is no file of a policy, which are channels.yaml"),
        ("campaigns/look.yml", "campaigns/look.yml: is no file of a policy"),
        ("campaigns/Look.yaml", "campaigns/Look.yaml: the file's name is not a name"),
        (
            "translations/de/lok.yaml",
            "translations/de/lok.yaml: there is no campaign 'lok' to translate; did you",
        ),
        ("translations/german/look.yaml", "translations/german/look.yaml: 'german' is not a locale"),
        (
            "translations/en/look.yaml",
            "translations/en/look.yaml: the words in en stand in the campaign itself",
        ),
    ],
)
def test_a_file_that_is_no_part_of_a_policy_is_named(name: str, expected: str) -> None:
    errors = errors_of({**FILES, name: "content: {}"})
    assert [error for error in errors if error.startswith(expected)]


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "campaigns/look.yaml:1: the file is empty"),
        ("[" * 30_000, "campaigns/look.yaml:1: nested more than 24 levels deep"),
        (
            "a: &x [1]\nb: *x",
            "campaigns/look.yaml:1: anchors (&) and aliases (*) are not allowed; quote a text that",
        ),
        ("x" * 65_537, "campaigns/look.yaml: the file has 65537 characters, 65536 are allowed"),
        ("- a\n" * 10_001, "campaigns/look.yaml:10000: more than 10000 values in one file"),
        ("? [a]\n: b", "campaigns/look.yaml:1: the file: a key must be a plain name"),
        ("a: \x00", "campaigns/look.yaml: not YAML: "),
        ("a: b: c", "campaigns/look.yaml:1: not YAML: "),
        ("just words", "campaigns/look.yaml:1: 'just words' is not a mapping"),
    ],
)
def test_text_that_would_break_a_reader_is_refused_in_time(text: str, expected: str) -> None:
    assert errors_of({**FILES, "campaigns/look.yaml": text})[0].startswith(expected)


def test_soft_words_that_cannot_fit_with_their_reason_are_refused_at_load() -> None:
    files = changed(
        "campaigns/look.yaml", "soft: {title: Hello, body: It", f"soft: {{title: Hello, body: {'x' * 160} It"
    )
    files["reasons.yaml"] = files["reasons.yaml"].replace("You looked at it.", f"You looked {'x' * 90}.")
    (error,) = errors_of(files)
    assert error.startswith(
        "campaigns/look.yaml:15: content.push.soft: with its reason and the longest facts"
    )
    assert error.endswith("it does not fit, too_long: 275 of 240 characters")


def test_a_campaign_has_64_conditions_at_most() -> None:
    held = "{cart.count: {min: 1}}"
    branches = [f"{{any: [{', '.join([held] * 16)}]}}"] * 4
    when = f"{{all: [{', '.join([*branches, held])}]}}"
    message = "when.all[4].cart.count: is one condition too many: a campaign may have 64"
    assert errors_of(with_when(when)) == [f"campaigns/look.yaml:6: {message}"]
    load(with_when(f"{{all: [{', '.join(branches)}]}}"))
