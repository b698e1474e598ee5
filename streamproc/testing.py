"""Try a policy in a test: the whole pipeline in memory, no Kafka, no Redis, no sleeping.

`docs/testing.md` shows it at work.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from streamproc.core.decision import Candidate, Decision, Nudge
from streamproc.core.facts import (
    ANY_CHANNEL,
    CATEGORY_PURPOSE_PREFIX,
    CHANNELS,
    CONSENT_STATES,
    MARKETING,
    PROCESSING,
    SENSING,
)
from streamproc.core.policy.model import Policy
from streamproc.core.policy.problems import listed, nearest
from streamproc.core.record import Record
from streamproc.core.switches import ALL, CAMPAIGN_PREFIX, CHANNEL_PREFIX
from streamproc.dry_run import DryRun
from streamproc.ops.policy_files import load_folder
from streamproc.pipeline import FACT_TOPICS
from streamproc.shipped import shipped_folder

__all__ = ["Candidate", "Decision", "Harness", "Nudge"]

_UNIT_MS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION: Final = re.compile(r"(?:\d+[smhd])+")
_PART: Final = re.compile(r"(\d+)([smhd])")
_TIMES: Final = "write 2026-03-03T12:00Z, a datetime with a zone, or milliseconds since the epoch"
MOMENT_TOPICS: Final = ("clickstream", "beacons")
_nudge: Final = msgspec.json.Decoder(Nudge)
_decision: Final = msgspec.json.Decoder(Decision)


class Harness:
    """One worker in memory, at a time that only you move. What was decided stands in `nudges` and `decisions`.

    The same calls give the same nudges, byte for byte: the ID key is fixed, and nothing reads a clock.
    """

    def __init__(
        self, policy: Policy | Path | str | None = None, *, now: datetime | str | int = "2026-03-03T12:00Z"
    ) -> None:
        """Start with nothing remembered.

        `policy` is a loaded policy or a folder, the shipped one unless given; `now` a time with a zone, ISO text or
        milliseconds since the epoch. Raises PolicyErrors, and ValueError for what is no time with a zone.
        """
        if not isinstance(policy, Policy):
            policy = load_folder(Path(policy) if policy is not None else shipped_folder("policy"))
        self.policy: Final = policy
        self.nudges: list[Nudge] = []
        self.decisions: list[Decision] = []
        """A decision for every event with a candidate, its silences with every gate that failed."""
        self.rejections: list[str] = []
        """Why payloads were refused, by reason code: empty unless a test sends something wrong."""
        self.records: list[Record] = []
        """Everything that was written, ledger and receipts too."""
        self._now_ms = _instant_ms(now)
        self._offsets: dict[str, int] = {}
        self._run = DryRun(policy, now_ms=self._now_ms)

    @property
    def now_ms(self) -> int:
        """Return the time, in milliseconds since the epoch."""
        return self._now_ms

    def advance(self, duration: str) -> list[Nudge]:
        """Move the time on, as in `30m` or `1d12h` (s, m, h, d); return the nudges that came due in between.

        Raises ValueError for what is no duration.
        """
        if not _DURATION.fullmatch(duration):
            raise ValueError(
                f"{duration!r} is no duration: write numbers with s, m, h or d, as in 30m or 1d12h"
            )
        self._now_ms += sum(int(number) * _UNIT_MS[unit] for number, unit in _PART.findall(duration))
        before = len(self.nudges)
        for written in self._run.advance(self._now_ms):
            self._keep(written)
        return self.nudges[before:]

    def consent(self, customer: str, *what: str, state: str = "granted") -> None:
        """Record what a customer agreed to: channels, `sensing`, `category/<name>`, `processing`.

        Without `processing` nothing is stored and nothing is sent. `state` is `granted`, `withdrawn` or `denied`.
        Raises ValueError for a name that is none of these.
        """
        _known(state, CONSENT_STATES, "state of a consent")
        purposes = [f"{CATEGORY_PURPOSE_PREFIX}{name}" for name in self.policy.categories]
        for one in what:
            _known(one, (*CHANNELS, ANY_CHANNEL, PROCESSING, SENSING, *purposes), "channel or purpose")
        for one in what:
            channel, purpose = (one, MARKETING) if one in (*CHANNELS, ANY_CHANNEL) else (ANY_CHANNEL, one)
            fact = {"customer_id": customer, "channel": channel, "purpose": purpose, "state": state}
            self.send({**fact, "at_ms": self._now_ms, "source": "test"}, topic="consents", customer=customer)

    def profile(self, customer: str, **fields: Any) -> None:
        """Record facts about a customer, named as on the topic `profiles`: `timezone`, `traits`, `preferences`.

        Without a time zone nothing is sent: caps count local days, and quiet hours are local.
        """
        fact = {"customer_id": customer, **fields, "at_ms": self._now_ms}
        self.send(fact, topic="profiles", customer=customer)

    def track(self, customer: str, event: str, **properties: Any) -> list[Nudge]:
        """Send a Segment `track` call of this customer, such as `Product Viewed`; return the nudges it caused."""
        call = {
            "type": "track",
            "event": event,
            "messageId": f"m-{self._offsets.get('clickstream', 0)}",
            "userId": customer,
            "timestamp": datetime.fromtimestamp(self._now_ms / 1_000, UTC).isoformat(),
            "properties": properties,
        }
        return self.send(call, customer=customer)

    def beacon(self, customer: str, kind: str, *, site: str, **fields: Any) -> list[Nudge]:
        """Send a beacon's event, such as `beacon.entered`, seen in a store; return the nudges it caused."""
        event = {"event_id": f"b-{self._offsets.get('beacons', 0)}", "customer_id": customer, "kind": kind}
        place = {"site_id": site, "occurred_at_ms": self._now_ms}
        return self.send({**event, **place, **fields}, topic="beacons", customer=customer)

    def catalog(self, key: str, **said: Any) -> list[Nudge]:
        """Let the shop say something of `item/<id>`, `item/<id>@<site>` or `site/<id>`; return the nudges it caused.

        As on the topic `catalog`: `available`, `price_minor`, `currency`, `until_ms`, `hours`. Nothing takes it back.
        """
        return self._feed("catalog", key, json.dumps(said).encode() if said else None, ())

    def send(
        self,
        payload: Mapping[str, Any] | bytes,
        *,
        topic: str = "clickstream",
        customer: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> list[Nudge]:
        """Send a payload in any dialect that is understood; return the nudges it caused.

        `customer` is the record's key; who the customer is, the payload says. Raises ValueError for a topic that no
        producer writes to.
        """
        _known(topic, (*FACT_TOPICS, *MOMENT_TOPICS), "topic that producers write to")
        value = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        given = tuple((name, text.encode()) for name, text in (headers or {}).items())
        return self._feed(topic, customer, value, given)

    def switch(self, key: str, *, on: bool, reason: str = "test") -> None:
        """Switch `all`, `channel/<name>` or `campaign/<id>`. Raises ValueError for what there is not to switch."""
        channels = [CHANNEL_PREFIX + name for name in CHANNELS]
        _known(key, (ALL, *channels, *(CAMPAIGN_PREFIX + name for name in self.policy.campaigns)), "switch")
        self._feed("config", key, json.dumps({"enabled": on, "reason": reason}).encode(), ())

    def _feed(
        self, topic: str, key: str | None, value: bytes | None, headers: Sequence[tuple[str, bytes]]
    ) -> list[Nudge]:
        offset = self._offsets.get(topic, 0)
        self._offsets[topic] = offset + 1
        record = Record(
            topic=topic,
            partition=0,
            offset=offset,
            timestamp_ms=self._now_ms,
            append_time=True,
            key=key.encode() if key is not None else None,
            value=value,
            headers=tuple(headers),
        )
        before = len(self.nudges)
        for written in self._run.feed(record):
            self._keep(written)
        return self.nudges[before:]

    def _keep(self, written: Record) -> None:
        self.records.append(written)
        if written.topic.startswith("nudges."):
            self.nudges.append(_nudge.decode(written.value or b""))
        elif written.topic == "decisions":
            self.decisions.append(_decision.decode(written.value or b""))
        elif written.topic == "dead-letters":
            self.rejections.append(dict(written.headers).get("x-dlq-reason", b"").decode())


def _known(name: str, names: Sequence[str], what: str) -> None:
    """Raise ValueError unless the name is one of these: a mistyped one would silently test nothing."""
    if name not in names:
        raise ValueError(f"{name!r} is no {what}; there are {listed(names)}{nearest(name, names)}")


def _instant_ms(given: datetime | str | int) -> int:
    if isinstance(given, int):
        return given
    try:
        at = datetime.fromisoformat(given) if isinstance(given, str) else given
        has_zone = at.tzinfo is not None
    except (ValueError, AttributeError) as error:
        raise ValueError(f"now={given!r} is no time: {_TIMES}") from error
    if not has_zone:
        raise ValueError(f"now={given!r} has no time zone: {_TIMES}")
    return int(at.timestamp() * 1_000)
