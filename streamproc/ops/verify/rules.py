"""What a policy says about caps and consent, read from its YAML without the code that compiles policies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

UNIT_MS: Final = {
    "ms": 1,
    "s": 1_000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 7 * 86_400_000,
}
# What holds where a policy's creep.yaml does not say.
CAPACITY: Final = 1.0
HALF_LIFE_MS: Final = 7 * 86_400_000
PERIODS: Final = ("day", "week", "month", "visit")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)")


class UnreadableRules(ValueError):
    """A policy is missing, ambiguous, or says something that cannot be understood here."""


@dataclass(frozen=True)
class Cap:
    """At most `max` nudges in a window: `rolling_ms`, `per` day, week, month or visit, or for ever."""

    max: int
    rolling_ms: int | None = None
    per: str | None = None

    @property
    def window(self) -> str:
        if self.rolling_ms is not None:
            return f"rolling {self.rolling_ms} ms"
        return f"per {self.per}" if self.per else "ever"


@dataclass(frozen=True)
class Service:
    """A transactional campaign: whether what it sends counts for others, and what it is exempt from."""

    counts: bool
    exempt_from: frozenset[str]


@dataclass(frozen=True)
class Rules:
    """One version: the caps by scope, the purposes that categories need, the campaigns that are off."""

    channels: Mapping[str, tuple[Cap, ...]]
    overall: tuple[Cap, ...]
    categories: Mapping[str, tuple[Cap, ...]]
    campaigns: Mapping[str, tuple[Cap, ...]]
    purposes: Mapping[str, str]
    campaigns_off: frozenset[str]
    shadows: frozenset[str]
    """The campaigns that are never sent, only recorded."""
    names: Mapping[str, tuple[str, ...]]
    """All names of each campaign, by the present one: that first, the oldest last."""
    groups: Mapping[str, str]
    """The exclusive group of each campaign that is in one."""
    windows: Mapping[str, int]
    """How long one campaign of a group silences the others, in milliseconds."""
    services: Mapping[str, Service]
    """The transactional campaigns; all others are marketing."""
    one_sensed_per_visit: bool = True
    """Whether beacons may cause one nudge a visit at most."""
    capacity: float = CAPACITY
    half_life_ms: int = HALF_LIFE_MS
    """What one customer's budget holds, and how soon half of what was spent is there again."""

    def names_of(self, campaign: str) -> tuple[str, ...]:
        """Return all names of the campaign that is, or was, called so."""
        return next((names for names in self.names.values() if campaign in names), (campaign,))


@dataclass
class RuleBook:
    """Every version by name: those on `config`, and one folder for all that `config` does not carry."""

    documents: Mapping[str, list[bytes]]
    folder: Mapping[str, str] | None = None
    _read: dict[str, Rules | UnreadableRules] = field(default_factory=dict)

    def find(self, version: str) -> Rules:
        """Return the rules of a version. Raises UnreadableRules, each time with the same message."""
        if version not in self._read:
            try:
                self._read[version] = read_rules(self._files(version))
            except UnreadableRules as error:
                self._read[version] = error
        rules = self._read[version]
        if isinstance(rules, UnreadableRules):
            raise rules
        return rules

    def _files(self, version: str) -> Mapping[str, str]:
        documents = self.documents.get(version, [])
        if len(documents) > 1:
            raise UnreadableRules(f"policy {version} was published {len(documents)} times with other content")
        if documents:
            return _files_of(documents[0], version)
        if self.folder is None:
            raise UnreadableRules(f"policy {version} is in no record of config, and no folder was given")
        return self.folder


def _files_of(document: bytes, version: str) -> Mapping[str, str]:
    try:
        files = orjson.loads(document)["files"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise UnreadableRules(f"policy {version} is no policy document: {error}") from error
    if not isinstance(files, dict) or not all(isinstance(text, str) for text in files.values()):
        raise UnreadableRules(f"policy {version} is no policy document: files is not texts by name")
    return files


def read_rules(files: Mapping[str, str]) -> Rules:
    """Read a policy's files, named as in its folder. Raises UnreadableRules with the file's name."""
    channels = _section(files, "channels.yaml")
    categories = _section(files, "categories.yaml")
    creep = _section(files, "creep.yaml")
    campaigns: dict[str, dict[str, Any]] = {}
    for name in sorted(files):
        if name.startswith("campaigns/") and name.endswith((".yaml", ".yml")):
            document = _section(files, name)
            campaigns[str(document.get("campaign", name))] = document
    by_category = _members(categories, "categories")
    by_category["default"] = _mapping(categories.get("default"))
    return Rules(
        channels=_caps_by_name(_members(channels, "channels"), "channel"),
        overall=_caps(_mapping(channels.get("overall")), "overall"),
        categories=_caps_by_name(by_category, "category"),
        campaigns=_caps_by_name(campaigns, "campaign"),
        purposes={
            name: str(category["consent"])
            for name, category in by_category.items()
            if category.get("consent")
        },
        campaigns_off=frozenset(
            name for name, campaign in campaigns.items() if campaign.get("enabled") is False
        ),
        shadows=frozenset(
            name
            for name, campaign in campaigns.items()
            if campaign.get("shadow") is True or _mapping(channels.get("overall")).get("shadow") is True
        ),
        groups={
            name: str(campaign["group"]) for name, campaign in campaigns.items() if campaign.get("group")
        },
        windows={
            name: _window_ms(group.get("window"), f"group {name}")
            for name, group in _members(channels, "groups").items()
        },
        services={
            name: Service(
                counts=campaign.get("counts") is not False,
                exempt_from=frozenset(map(str, campaign.get("exempt_from") or ())),
            )
            for name, campaign in campaigns.items()
            if campaign.get("purpose") == "transactional"
        },
        names={name: (name, *_former_names(campaign)) for name, campaign in campaigns.items()},
        one_sensed_per_visit=_mapping(channels.get("overall")).get("one_sensed_per_visit") is not False,
        capacity=_number(creep.get("capacity"), CAPACITY, "creep.yaml: capacity"),
        half_life_ms=_window_ms(creep["half_life"], "creep.yaml") if "half_life" in creep else HALF_LIFE_MS,
    )


def _number(value: object, usual: float, scope: str) -> float:
    if value is None:
        return usual
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnreadableRules(f"{scope}: this is no number: {value}")
    return float(value)


def _former_names(campaign: Mapping[str, Any]) -> list[str]:
    """Return what the campaign was called before, the newest first."""
    former = campaign.get("formerly") or []
    return [former] if isinstance(former, str) else [str(name) for name in reversed(former)]


def _section(files: Mapping[str, str], name: str) -> dict[str, Any]:
    try:
        return _mapping(YAML(typ="safe", pure=True).load(files.get(name, "")))
    except (YAMLError, ValueError) as error:
        raise UnreadableRules(f"{name}: {error}") from error


def _mapping(node: object) -> dict[str, Any]:
    return node if isinstance(node, dict) else {}


def _members(document: Mapping[str, Any], key: str) -> dict[str, dict[str, Any]]:
    return {str(name): _mapping(member) for name, member in _mapping(document.get(key)).items()}


def _caps_by_name(members: Mapping[str, Mapping[str, Any]], scope: str) -> dict[str, tuple[Cap, ...]]:
    return {name: _caps(member, f"{scope} {name}") for name, member in members.items()}


def _caps(member: Mapping[str, Any], scope: str) -> tuple[Cap, ...]:
    caps = member.get("caps") or ()
    if not isinstance(caps, list | tuple):
        raise UnreadableRules(f"{scope}: caps is not a list")
    return tuple(_cap(cap, scope) for cap in caps)


def _cap(cap: object, scope: str) -> Cap:
    match cap:
        case {"max": int(most), "rolling": str(window), **rest} if not rest and _DURATION.fullmatch(window):
            return Cap(most, rolling_ms=_window_ms(window, scope))
        case {"max": int(most), "per": str(per), **rest} if not rest and per in PERIODS:
            return Cap(most, per=per)
        case {"max": int(most), "ever": True, **rest} if not rest:
            return Cap(most)
        case _:
            pass
    raise UnreadableRules(f"{scope}: this is no cap: {cap}")


def _window_ms(window: object, scope: str) -> int:
    duration = _DURATION.fullmatch(str(window))
    if duration is None:
        raise UnreadableRules(f"{scope}: this is no window: {window}")
    return round(float(duration[1]) * UNIT_MS[duration[2]])
