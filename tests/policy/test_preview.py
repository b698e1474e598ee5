"""A campaign as its customers see it: every channel and rung, true to what would be sent."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from streamproc.core.facts_paths import FACT_PATHS
from streamproc.core.policy.loader import Loaded, load_all
from streamproc.core.preview import OF_CATEGORY, SAMPLES, preview
from streamproc.ops.policy_files import read_folder
from streamproc.ops.preview_page import page
from streamproc.ops.try_examples import try_example
from streamproc.shipped import shipped_folder
from tests.policy.samples import CAMPAIGN, FILES

LOOK = "campaigns/look.yaml"
SHIPPED = load_all(read_folder(shipped_folder("policy")))
SHOWING = CAMPAIGN.replace(
    "given: [{at: 0m, view: c-1}]",
    "given: [{at: 0m, view: c-1, name: Red <i>coat</i>, category: coats}, {at: 1m, view: c-1, category: coats},"
    " {at: 2m, view: c-1, name: Red <i>coat</i>, category: coats}]",
    1,
)


def loaded(campaign: str = SHOWING, **files: str) -> Loaded:
    return load_all({**FILES, LOOK: campaign, **files})


@pytest.mark.parametrize("name", SHIPPED.policy.campaigns)
def test_every_shipped_campaign_shows_each_of_its_channels_twice_with_facts_of_its_examples(
    name: str,
) -> None:
    shown = preview(SHIPPED, name)
    assert [one.channel.name for one in shown.channels] == list(SHIPPED.policy.campaigns[name].channels)
    for one in shown.channels:
        assert [variant.rung for variant in one.variants] == ["send", "soften"]
        assert all(variant.content for variant in one.variants)
        assert one.reason
    assert all(fact.example for fact in shown.facts)


@pytest.mark.parametrize("name", SHIPPED.policy.campaigns)
def test_the_words_and_the_rung_are_those_that_the_pipeline_sends(name: str) -> None:
    shown = preview(SHIPPED, name)
    (example,) = [one for one in SHIPPED.examples[name] if one.name == shown.example]
    came = try_example(SHIPPED.policy, example).came[0]
    assert came.rung == shown.creep.rung


def test_a_fact_that_no_example_tells_is_a_sample_and_says_so() -> None:
    shown = preview(loaded(CAMPAIGN), "look")
    assert [(fact.name, fact.value, fact.example) for fact in shown.facts] == [("item", "Wool coat", "")]
    assert preview(loaded(), "look").facts[0].example == "yes"


@pytest.mark.parametrize("path", [path for path in FACT_PATHS if path not in OF_CATEGORY])
def test_every_fact_has_a_sample(path: str) -> None:
    assert SAMPLES[path]


def test_a_trait_is_called_by_its_name_and_is_a_number_where_a_text_counts() -> None:
    campaign = CAMPAIGN.replace("facts: {item: item.name}", "facts: {item: trait.favourite_item}")
    shown = preview(loaded(campaign), "look")
    assert shown.facts[0].value == "favourite item"
    counted = campaign.replace('"{{ item }} is here."', '"{{ item | number }} pairs"', 1)
    content = preview(loaded(counted), "look").channels[0].variants[0].content
    assert content is not None
    assert str(content["body"]).startswith("3 pairs")


def test_an_item_of_no_group_is_softened_and_it_says_why() -> None:
    shown = preview(loaded(SHOWING.replace("category: coats", "category: unheard of")), "look")
    assert (shown.creep.rung, shown.category) == ("soften", "default")
    assert "in no group of categories.yaml" in shown.why
    known = preview(loaded(), "look")
    assert (known.creep.rung, known.category) == ("soften", "coats")
    assert known.why.startswith("0.34 <= 0.40 on push: obtrusiveness 0.1")


def test_another_language_is_shown_where_there_are_words() -> None:
    words = "content: {push: {say: {title: Hallo, body: Da.}, soft: {title: Hallo, body: Da.}}}"
    german = FILES["reasons.yaml"] + FILES["reasons.yaml"].replace("en:", "de:")
    shown = preview(loaded(**{"translations/de/look.yaml": words, "reasons.yaml": german}), "look", "de-AT")
    assert [(one.channel.name, one.locale) for one in shown.channels] == [("push", "de"), ("in_app", "en")]


class Page(HTMLParser):
    """What a browser would load, run and show."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.framed: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        self.loads += [name for name in given if name in ("src", "href", "data", "background", "style")]
        if tag == "iframe":
            assert given["sandbox"] == ""
            self.framed.append(given["srcdoc"] or "")


def test_the_page_loads_nothing_runs_nothing_and_shows_texts_as_texts() -> None:
    channels = "channels: [push, email, in_app]"
    mail = '  email: {say: {subject: "{{ item }}", text: "{{ item }}"}, soft: {subject: A, text: B}}\n  in_app:\n'
    everything = SHOWING.replace("channels: [push, in_app]", channels).replace("  in_app:\n", mail, 1)
    found = loaded(everything)
    text = page(preview(found, "look"), found.policy)
    seen = Page(text)
    assert seen.loads == []
    assert "script" not in seen.tags
    assert not re.search(r"@import|url\(", text)
    assert "default-src 'none'" in text
    assert "Red &lt;i&gt;coat&lt;/i&gt; is here." in text
    assert len(seen.framed) == 2
    assert "<i>" not in seen.framed[0]


def test_words_that_cannot_be_said_are_shown_with_the_reason_why_not() -> None:
    found = loaded(
        SHOWING.replace("title: Hello, body", 'title: "{{ item }} {{ item }}", body', 1).replace(
            "<i>coat</i>", "c" * 70
        )
    )
    variant = preview(found, "look").channels[0].variants[0]
    assert (variant.content, variant.problem) == (None, "too_long: 149 of 120 characters")
    assert "Cannot be said: too_long" in page(preview(found, "look"), found.policy)
