"""`streamproc policy preview`: boxes for people, a document for programs, a page for those who would rather look."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command_line import CommandLine


def test_each_channel_is_a_box_twice_beside_each_other(offline: CommandLine) -> None:
    said = offline("policy", "preview", "second_look")
    assert said.code == 0
    heads = [line for line in said.out.splitlines() if line.startswith("╭")]
    assert ["push, as written" in head and "push, softened" in head for head in heads] == [True, False, False]
    assert "Wool coat is one tap away" in said.out
    assert "Why? · Pause · Unsubscribe" in said.out
    assert 'item.name, example "the third look within a day"' in said.out


def test_a_narrow_terminal_shows_the_boxes_below_each_other(
    offline: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "70")
    lines = offline("policy", "preview", "second_look").out.splitlines()
    assert len([line for line in lines if line.startswith("╭")]) == 6
    assert max(map(len, lines)) <= 70


def test_programs_get_the_content_as_it_would_be_sent(offline: CommandLine) -> None:
    found = offline("policy", "preview", "second_look", "--json").json
    assert (found["category"], found["said"]["rung"], found["said"]["score"]) == ("coats", "soften", 0.342331)
    push = found["channels"][0]
    assert push["variants"][1]["content"]["title"] == "Still looking?"
    assert push["controls"]["why"] == "https://shop.example/why/preview"


def test_a_page_is_written_on_request(offline: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "look.html"
    said = offline("policy", "preview", "second_look", "--html", file)
    assert said.out == f"ok {file}\n"
    assert file.read_text("utf-8").startswith("<!doctype html>")


def test_an_unknown_campaign_and_an_unknown_language_are_named(offline: CommandLine) -> None:
    said = offline("policy", "preview", "secondlook")
    assert (said.code, "no campaign 'secondlook'; did you mean 'second_look'?" in said.err) == (1, True)
    said = offline("policy", "preview", "second_look", "--locale", "english")
    assert (said.code, "'english' is not a locale such as en or de-CH" in said.err) == (1, True)
