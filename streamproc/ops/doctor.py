"""Examine what an installation stands on, and say what to change: Kafka, Redis, settings, clocks."""

from __future__ import annotations

import platform
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final, Literal

from streamproc import __version__
from streamproc.core.policy.problems import PolicyErrors
from streamproc.flow.admin import KafkaAdmin
from streamproc.flow.cluster import ClusterUnready
from streamproc.flow.config_log import ConfigState, probe_clock, read_config
from streamproc.ops.heartbeats import Beat, WorkerBoard
from streamproc.ops.policy_files import default_policy
from streamproc.ops.stored_state import StoredState, look_at_state
from streamproc.ops.topic_apply import check_topics
from streamproc.ops.topics import summed_up
from streamproc.settings import Settings, SettingsError
from streamproc.store.base import StoreUnavailable
from streamproc.store.keys import KEYCHECK, IdKey, IdKeyUnusable
from streamproc.store.link import link_to, where
from streamproc.store.redis_check import redis_findings

__all__ = ["Check", "examine"]

LIBRARIES: Final = ("faust-streaming", "aiokafka", "redis", "msgspec", "uvloop")
# Consent counts by the earlier of two clocks and quiet hours by the worker's: half a second blurs neither, more does.
CLOCK_WARN_MS: Final = 500
CLOCK_FAIL_MS: Final = 5_000
# What these forget cannot be found again: they are the proof of consent, the caps and the switches.
_KEPT: Final = ("consents", "ledger", "config")


@dataclass(frozen=True)
class Check:
    """One finding; `remedy` says what to change, empty where nothing has to be."""

    what: str
    state: Literal["ok", "warn", "fail"]
    found: str
    remedy: str = ""


async def examine(given: Settings, *, write: bool = False) -> list[Check]:
    """Examine everything that can be reached.

    With `write` it also writes one empty record to `config`, which nobody reads, to learn Kafka's time.
    """
    checks = [_versions(), *_settings(given)]
    if given.kafka is not None:
        checks += await _guarded(
            "kafka", "start a broker there, or set STREAMPROC_KAFKA", lambda: _kafka(given, write=write)
        )
    if given.redis_url is not None:
        checks += await _guarded(
            "redis", "start Redis there, or set STREAMPROC_REDIS_URL", lambda: _redis(given)
        )
    return checks


async def _guarded(what: str, remedy: str, step: Callable[[], Awaitable[list[Check]]]) -> list[Check]:
    try:
        return await step()
    except (ClusterUnready, StoreUnavailable) as error:
        return [Check(what, "fail", str(error), remedy)]


def _versions() -> Check:
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return Check(
        "versions", "ok", f"streamproc {__version__}, Python {platform.python_version()}, {libraries}"
    )


def _settings(given: Settings) -> list[Check]:
    checks = []
    try:
        given.require("kafka", "redis_url", "id_key_file")
    except SettingsError as error:
        checks += [Check("settings", "fail", fault, "set it") for fault in error.faults]
    if given.id_key_file is not None:
        try:
            IdKey.from_file(given.id_key_file)
        except IdKeyUnusable as error:
            checks.append(Check("id key", "fail", str(error), "name the file that all workers have"))
    try:
        policy = default_policy(given.policy)
        checks.append(Check("default policy", "ok", f"{policy.version}, {len(policy.campaigns)} campaigns"))
    except SettingsError as error:
        checks += [Check("default policy", "fail", fault, "mend the file") for fault in error.faults]
    return checks


async def _kafka(given: Settings, *, write: bool) -> list[Check]:
    bootstrap, prefix = str(given.kafka), given.topic_prefix
    async with KafkaAdmin.connect(bootstrap) as admin:
        brokers = await admin.brokers()
        findings = await check_topics(admin, prefix=prefix)
        states = (await admin.topics()).values()
    checks = [Check("kafka", "ok", f"{bootstrap} answers, brokers: {brokers}")]
    summary = summed_up(findings)
    if summary:
        checks.append(Check("topics", "fail", summary, "streamproc topics apply"))
    for finding in [] if summary else findings:
        lost = finding.kind != "setting" or finding.topic.removeprefix(prefix) in _KEPT
        remedy = "streamproc topics apply" if finding.mendable else "create the topic anew, with its records"
        checks.append(Check("topics", "fail" if lost else "warn", str(finding), remedy))
    if not findings:
        checks.append(Check("topics", "ok", "every topic is as it must be"))
    if states and not any(state.config for state in states):
        found = "the broker does not report settings, so retention and cleanup were not checked"
        checks.append(Check("topic settings", "warn", found, "use Apache Kafka in production"))
    if not any(finding.kind == "missing" and finding.topic == f"{prefix}config" for finding in findings):
        checks.append(_policy_in_force(await read_config(bootstrap, prefix)))
        if write:
            checks.append(_clock("kafka", await probe_clock(bootstrap, prefix)))
    return checks


def _policy_in_force(state: ConfigState) -> Check:
    wanted = state.version()
    if wanted is None:
        return Check("policy", "ok", "`config` names none: workers run their default")
    try:
        found = state.policy(wanted)
    except PolicyErrors as error:
        first = error.errors[0]
        return Check(
            "policy", "fail", f"{wanted} does not load: {first}", "streamproc policy publish, or rollback"
        )
    if found is None:
        return Check(
            "policy", "fail", f"{wanted} is not on `config`", "streamproc policy publish, or rollback"
        )
    return Check("policy", "ok", f"{wanted}, {len(found.campaigns)} campaigns")


async def _redis(given: Settings) -> list[Check]:
    url = str(given.redis_url)
    findings = await redis_findings(url)
    checks = [
        Check(
            "redis",
            "fail" if one.fatal else "warn",
            f"{one.setting} is {one.found}: {one.why}",
            f"set {one.wanted}",
        )
        for one in findings
    ]
    if not any(one.fatal for one in findings):
        checks.append(Check("redis", "ok", f"{where(url)} answers"))
    checks += await _key_and_clock(given, url)
    state = await look_at_state(given)
    checks.append(_state(state))
    board = WorkerBoard(url)
    try:
        checks.append(_workers(await board.beats(), state))
    finally:
        await board.close()
    return checks


def _state(state: StoredState) -> Check:
    if state.kind == "sound":
        return Check("state", "ok", "its epoch stands")
    if state.kind == "lost":
        remedy = 'docs/operations.md, "When Redis lost its state"'
        return Check("state", "fail", f"customer state was lost: {state.why}", remedy)
    if state.kind == "none":
        return Check(
            "state", "ok", "it holds none yet, and nothing was ever decided: the first worker begins it"
        )
    found = "it holds none, and Kafka could not be asked whether anything was ever decided"
    return Check(
        "state", "warn", found, "ask again when Kafka answers; if there were decisions, state was lost"
    )


async def _key_and_clock(given: Settings, url: str) -> list[Check]:
    """Look at the state's hash key, and at Redis' time."""
    link = link_to(url, timeout_s=5.0)
    try:
        # Of a cluster the first primary is asked; how its nodes differ among themselves is its operator's affair.
        begun_ms = time.time_ns() // 1_000_000
        clocks = await link.everywhere(("TIME",))
        host_ms = (begun_ms + time.time_ns() // 1_000_000) // 2
        (stored,) = await link.exchange([("GET", KEYCHECK)])
    finally:
        await link.close()
    seconds, micros = clocks[0]
    checks = [_clock("redis", int(seconds) * 1_000 + int(micros) // 1_000 - host_ms)]
    try:
        key = IdKey.from_file(given.id_key_file) if given.id_key_file is not None else None
    except IdKeyUnusable:
        return checks
    if key is not None and stored is not None:
        same = stored.decode() == key.check()
        found = (
            "hashes as the state in Redis does"
            if same
            else "is not the one that the state in Redis was hashed with"
        )
        remedy = (
            "" if same else "name the file that the other workers have: with another key all caps begin anew"
        )
        checks.append(Check("id key", "ok" if same else "fail", f"STREAMPROC_ID_KEY_FILE {found}", remedy))
    return checks


def _workers(beats: Mapping[str, Beat], state: StoredState) -> Check:
    if not beats and state.kind in ("lost", "unclear"):
        found = "Redis cannot tell which are alive: they publish nothing in a Redis without its state"
        return Check("workers", "warn", found, "ask each one's /readyz")
    if not beats:
        return Check("workers", "warn", "none is alive", "start one: streamproc worker")
    refused = sorted({beat.refused for beat in beats.values() if beat.refused})
    if refused:
        found = f"{len(beats)} are alive; refused: {'; '.join(refused)}"
        return Check("workers", "fail", found, "streamproc policy publish, or rollback")
    versions = sorted({beat.policy for beat in beats.values()})
    if len(versions) > 1:
        found = f"{len(beats)} are alive and run different policies: {', '.join(versions)}"
        return Check("workers", "warn", found, "streamproc status says which; its log says why")
    return Check("workers", "ok", f"{len(beats)} alive")


def _clock(whose: str, ahead_ms: int | None) -> Check:
    if ahead_ms is None:
        return Check(
            f"{whose} clock",
            "warn",
            "not told: the broker sets no LogAppendTime",
            "use Apache Kafka in production",
        )
    state: Literal["ok", "warn", "fail"] = "ok"
    if abs(ahead_ms) > CLOCK_WARN_MS:
        state = "fail" if abs(ahead_ms) > CLOCK_FAIL_MS else "warn"
    remedy = "" if state == "ok" else "run NTP on both"
    way = "ahead of" if ahead_ms >= 0 else "behind"
    return Check(f"{whose} clock", state, f"{abs(ahead_ms)} ms {way} this machine's", remedy)
