"""The guide for producers says what happens."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from streamproc.core.event import Event, Reason

GUIDE = (Path(__file__).parents[2] / "docs" / "producers.md").read_text("utf-8")
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
