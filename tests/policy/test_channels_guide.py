"""Every example in docs/channels.md is what is really written, and what its schema describes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from streamproc.core.facts import CHANNELS
from streamproc.core.render import render
from tests.policy.messages import FRAME, policy_with, written
from tests.policy.samples import CHANNELS as CHANNELS_FILE

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "channels.md").read_text("utf-8")
BLOCKS = dict(re.findall(r"<!-- (\S+) -->\n```(?:yaml|json)\n(.*?)```", TEXT, re.DOTALL))
SHOWN = [name for name in BLOCKS if name != "campaign"]
NUDGE = json.loads((ROOT / "topics" / "schemas" / "nudge.json").read_text("utf-8"))
SCHEMAS = {
    one["if"]["properties"]["channel"]["const"]: one["then"]["properties"]["content"]
    for one in NUDGE["allOf"]
}
POLICY = policy_with(BLOCKS["campaign"], channels=CHANNELS_FILE + "actions: ['https://shop.example/']\n")


def test_every_block_says_what_it_is_and_every_channel_is_shown() -> None:
    assert len(BLOCKS) == TEXT.count("```yaml") + TEXT.count("```json")
    assert {*SHOWN, "web"} == set(CHANNELS) == set(SCHEMAS)


@pytest.mark.parametrize("channel", SHOWN)
def test_an_example_is_what_is_written(channel: str) -> None:
    campaign = POLICY.campaigns["look"]
    content = render(campaign, POLICY.channels[channel], "send", {"item": "Wool coat"}, FRAME)
    assert json.loads(BLOCKS[channel]) == content
    assert list(json.loads(BLOCKS[channel])) == list(content)


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("rung", ["send", "soften"])
def test_what_is_written_is_what_the_schema_describes_to_the_field(channel: str, rung: str) -> None:
    content = written(channel, rung)
    schema: dict[str, Any] = SCHEMAS[channel]
    assert [error.message for error in Draft202012Validator(schema).iter_errors(content)] == []
    assert set(content) == set(schema["properties"])
    for name in schema["properties"]:
        assert f"`{name}`" in TEXT, name
