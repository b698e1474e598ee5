"""Find what is wrong with a Redis server's settings; who asks decides what to print or to refuse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from redis.exceptions import ResponseError

from streamproc.store.link import Reply, link_to, where

VERSION_MIN: Final = (7, 0)
"""The commit script declares itself with a shebang line, which older servers do not know."""
SETTINGS: Final = ("maxmemory-policy", "appendonly", "appendfsync", "min-replicas-to-write")


class RedisFinding(msgspec.Struct, frozen=True):
    """Say what one setting is, what it has to be, and what happens otherwise.

    `fatal`: a promise is broken with it, a worker must not become ready. Else it weakens one.
    """

    setting: str
    found: str
    wanted: str
    why: str
    fatal: bool


def judge(config: Mapping[str, str] | None, info: Mapping[str, str]) -> list[RedisFinding]:
    """Return what is wrong with these settings (`CONFIG GET`, None if refused) and facts (`INFO`)."""
    findings = [*_judge_info(info)]
    if config is None:
        findings.append(
            RedisFinding(
                "CONFIG GET",
                "refused",
                "allowed, or the settings confirmed by hand",
                "the server hides its settings, so nothing below maxmemory_policy could be checked",
                fatal=False,
            )
        )
        return findings
    if config.get("appendonly", "yes") != "yes":
        findings.append(
            RedisFinding(
                "appendonly",
                config["appendonly"],
                "yes",
                "a restart would empty the store, and nothing is sent until it has its state again",
                fatal=False,
            )
        )
    elif config.get("appendfsync", "everysec") == "no":
        findings.append(
            RedisFinding(
                "appendfsync",
                "no",
                "everysec or always",
                "a crash of the machine may lose half a minute of charges; everysec loses about a second",
                fatal=False,
            )
        )
    if info.get("connected_slaves", "0") != "0" and config.get("min-replicas-to-write", "0") == "0":
        findings.append(
            RedisFinding(
                "min-replicas-to-write",
                "0",
                "1 or more",
                "a primary cut off from its replicas would accept writes that a failover throws away",
                fatal=False,
            )
        )
    return findings


def _judge_info(info: Mapping[str, str]) -> list[RedisFinding]:
    findings = []
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        findings.append(
            RedisFinding(
                "maxmemory-policy",
                policy,
                "noeviction",
                "an evicted context forgets what a customer was sent, so caps would be exceeded",
                fatal=True,
            )
        )
    # Valkey reports 7.2 here for compatibility, and its own version elsewhere.
    version = info.get("redis_version", "0")
    if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < VERSION_MIN:
        findings.append(
            RedisFinding(
                "redis_version",
                version,
                ".".join(str(part) for part in VERSION_MIN),
                "the commit script needs a server that knows scripts with a shebang line",
                fatal=True,
            )
        )
    if info.get("role", "master") != "master":
        findings.append(
            RedisFinding(
                "role", info["role"], "master", "a replica refuses every write; name the primary", fatal=True
            )
        )
    return findings


async def redis_findings(url: str, *, timeout_s: float = 5.0) -> list[RedisFinding]:
    """Return what is wrong with the server or with any primary of the cluster; raise `StoreUnavailable`."""
    link = link_to(url, timeout_s=timeout_s)
    try:
        infos = await link.everywhere(("INFO",))
        configs = await link.everywhere(("CONFIG", "GET", *SETTINGS))
    finally:
        await link.close()
    findings: list[RedisFinding] = []
    for info, config in zip(infos, configs, strict=True):
        if isinstance(info, ResponseError):
            findings.append(
                RedisFinding("INFO", str(info), "allowed", f"{where(url)} hides what it is", fatal=True)
            )
            continue
        findings += [found for found in judge(_config(config), _info(info)) if found not in findings]
    return findings


def _info(reply: Reply) -> dict[str, str]:
    if isinstance(reply, Mapping):  # A cluster client parses INFO itself.
        return {str(name): str(value) for name, value in reply.items()}
    lines = bytes(reply).decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line and not line.startswith("#"))


def _config(reply: Reply) -> dict[str, str] | None:
    if isinstance(reply, ResponseError):
        return None
    return {_text(name): _text(value) for name, value in reply.items()}


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
