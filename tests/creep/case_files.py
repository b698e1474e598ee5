"""Cases as files: what a shop's records say and what its campaigns would, and what must come of it.

Times are after midnight, UTC, of a Monday; the customer lives in UTC. No case holds a factor: they follow from records.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ruamel.yaml import YAML

from streamproc.core import candidates
from streamproc.core.case import Case as Judged
from streamproc.core.decision import Candidate
from streamproc.core.gates import candidate_reasons
from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Policy
from streamproc.core.reasons import Gate, Why
from streamproc.testing import Harness

HERE = Path(__file__).parent
CUSTOMER = "c-17"
STARTS = "2026-03-02T00:00Z"
# How a channel's fields carry the words of a case.
_FIELDS = {
    "push": {"title": "News", "body": "{}"},
    "email": {"subject": "News", "text": "{}"},
    "sms": {"text": "{}"},
    "in_app": {"title": "News", "body": "{}", "action": "/"},
    "web": {"title": "News", "body": "{}", "action": "/"},
    "in_store": {"text": "{}"},
}


@dataclass(frozen=True)
class Case:
    """One worked case."""

    number: str
    told: dict[str, Any]

    def __str__(self) -> str:
        return self.number


def read_cases() -> list[Case]:
    """Read all cases, in the order of their numbers."""
    paths = sorted((HERE / "cases").glob("*.yaml"), key=lambda path: (int(path.name[:2]), path.name))
    return [Case(path.stem, YAML(typ="safe", pure=True).load(path.read_text("utf-8"))) for path in paths]


def policy_of(case: Case) -> Policy:
    """Compile the shop's policy with the case's campaigns."""
    files = {path.name: path.read_text("utf-8") for path in (HERE / "policy").glob("*.yaml")}
    for name, told in case.told["campaigns"].items():
        files[f"campaigns/{name}.yaml"] = json.dumps(_campaign(name, told))
    return load(files)


def _campaign(name: str, told: dict[str, Any]) -> dict[str, Any]:
    words: dict[str, Any] = {key: told[key] for key in ("say", "soft", "shows") if key in told}
    usual = {"helps": "You hear of what you wanted.", "purpose": "marketing", "priority": 50, "facts": {}}
    content = {channel: _words(channel, words) for channel in told["channels"]}
    examples = [
        {"name": name, "consents": [], "given": [{"at": "0m", "open": "app"}], "expect": []}
        for name in ("nobody agreed", "nor did anybody else")
    ]
    rest = {key: value for key, value in told.items() if key not in words}
    caps = [{"max": 20, "rolling": "7d"}]
    return {"campaign": name, **usual, "caps": caps, **rest, "content": content, "examples": examples}


def _words(channel: str, words: dict[str, Any]) -> dict[str, Any]:
    fields = _FIELDS[channel]
    copy: dict[str, Any] = {
        rung: {name: text.format(words[rung]) if "{}" in text else text for name, text in fields.items()}
        for rung in ("say", "soft")
    }
    if "shows" in words:
        copy["say"]["shows"] = words["shows"]
    return copy


def run(
    case: Case, records: Sequence[tuple[dict[str, Any], int]] | None = None
) -> tuple[Harness, Candidate | None]:
    """Feed a case's records, or others, to the whole pipeline; return what was written, and the last candidate.

    The number beside a record is that of its event.
    """
    harness = Harness(policy_of(case), now=STARTS)
    harness.consent(CUSTOMER, "processing")
    harness.profile(CUSTOMER, timezone="UTC")
    passed = 0
    numbered = [(record, number) for number, record in enumerate(case.told["records"])]
    for record, number in numbered if records is None else records:
        at = _minutes(record["at"])
        if at > passed:
            harness.advance(f"{at - passed}m")
            passed = at
        _feed(harness, record, number)
    last = harness.decisions[-1].candidates[0] if harness.decisions else None
    return harness, last


# What is not asked of a score: may we at all?
VETOES = frozenset(
    {
        Gate.SPECIAL_CATEGORY,
        Gate.SENSING,
        Gate.THIRD_PARTY,
        Gate.ABOUT_OTHER,
        Gate.LIFE_EVENT,
        Gate.ADULTS_ONLY,
        Gate.SHARED_DEVICE,
        Gate.INTENT_FULFILLED,
        Gate.VISIT_CAP,
    }
)


def run_without_vetoes(case: Case) -> tuple[Harness, Candidate | None]:
    """Run a case with the vetoes switched off: only then does the score have to answer for it."""

    def others(judged: Judged) -> list[Why]:
        return [why for why in candidate_reasons(judged) if why.code not in VETOES]

    with patch.object(candidates, "candidate_reasons", others):
        return run(case)


def _minutes(text: str) -> int:
    """Read `30d12h05m` as minutes."""
    units = {"d": 1440, "h": 60, "m": 1}
    total, digits = 0, ""
    for char in text:
        if char.isdigit():
            digits += char
        else:
            total, digits = total + int(digits) * units[char], ""
    return total


def _feed(harness: Harness, record: dict[str, Any], number: int) -> None:
    told = {key: value for key, value in record.items() if key != "at"}
    ((kind, value),) = told.items()
    if kind == "agree":
        harness.consent(CUSTOMER, *value)
    elif kind == "profile":
        harness.profile(CUSTOMER, **value)
    elif kind == "catalog":
        harness.catalog(value["key"], **{name: one for name, one in value.items() if name != "key"})
    elif kind == "outcome":
        answer = {"customer_id": CUSTOMER, "at_ms": harness.now_ms, **value}
        harness.send(answer, topic="outcomes", customer=CUSTOMER)
    elif kind == "beacon":
        harness.beacon(CUSTOMER, value["kind"], site="berlin-1")
    else:
        assert kind == "event", f"{kind} is no record of a case"
        data = {"customer_id": CUSTOMER, **{key: one for key, one in value.items() if key != "type"}}
        event = {"specversion": "1.0", "id": f"e-{number}", "source": "/shop", "type": value["type"]}
        harness.send({**event, "data": data}, customer=CUSTOMER)
    assert not harness.rejections, f"record {number}: {harness.rejections}"
