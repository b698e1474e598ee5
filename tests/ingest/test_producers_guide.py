"""The guide for producers says what happens."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from streamproc.core.event import Event, Reason
from streamproc.core.known_facts import INFERRED, PROVENANCE

GUIDE_FOLDER = Path(__file__).parents[2] / "docs"
GUIDE = (GUIDE_FOLDER / "producers.md").read_text("utf-8")
EXAMPLES = re.findall(r"```(?:json|tsv) ([a-z-]+)\n(.*?)\n```\n+```json event\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.parametrize(("topic", "payload", "wanted"), EXAMPLES)
def test_each_payload_of_the_guide_becomes_the_event_under_it(
    event: Callable[..., Event], topic: str, payload: str, wanted: str
) -> None:
    assert json.loads(msgspec.json.encode(event(payload.encode(), topic))) == json.loads(wanted)


def test_the_guide_shows_every_dialect_and_every_topic_of_facts() -> None:
    dialects = {json.loads(wanted)["dialect"] for _, _, wanted in EXAMPLES}
    assert dialects == {"segment", "ga4", "snowplow", "cloudevents", "beacon", "airship", "radar", "fact"}
    assert {topic for topic, _, _ in EXAMPLES} == {
        "clickstream",
        "beacons",
        "consents",
        "profiles",
        "outcomes",
        "privacy-requests",
    }
    assert GUIDE.count("```json ") + GUIDE.count("```tsv ") == 2 * len(EXAMPLES)


def test_the_guide_lists_every_reason_that_ingest_gives() -> None:
    named = set(re.findall(r"`([a-z_]+)`", GUIDE.split("## Refusals")[1].split("##")[0]))
    assert set(Reason) - {Reason.POISON} <= named


def test_the_guide_and_the_schema_list_where_a_fact_may_come_from_and_whom_it_may_be_about() -> None:
    schema = json.loads((GUIDE_FOLDER.parent / "topics" / "schemas" / "profile.json").read_text("utf-8"))
    known = schema["properties"]["facts"]["items"]["properties"]
    assert set(known["provenance"]["enum"]) == {*PROVENANCE, INFERRED}
    rows = {line.split("|")[1].strip(): line for line in GUIDE.splitlines() if line.startswith("| `facts[]")}
    for name in ("provenance", "about"):
        told = rows[f"`facts[].{name}`"].split("|")[2]
        assert set(re.findall(r"`([^`]+)`", told)) == set(known[name]["enum"])
