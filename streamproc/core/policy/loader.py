"""From a policy's files to one compiled policy, or to all that is wrong with them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from streamproc.core.creep.model import SHIPPED, Model
from streamproc.core.event import VISIT_DWELLED
from streamproc.core.plugins import NO_PLUGINS, Plugins
from streamproc.core.policy.campaigns import Parsed, read_campaign
from streamproc.core.policy.categories import Categories, read_categories
from streamproc.core.policy.category_finder import category_finder, private_first
from streamproc.core.policy.channels import Channels, read_channels
from streamproc.core.policy.check import check_whole
from streamproc.core.policy.creep import read_creep
from streamproc.core.policy.discretion import discretion_of
from streamproc.core.policy.document import Node, read
from streamproc.core.policy.examples import Example
from streamproc.core.policy.fields import NAME, NAME_RULE
from streamproc.core.policy.kept import what_is_kept
from streamproc.core.policy.model import Campaign, Copy, Policy
from streamproc.core.policy.plugin_shelf import Shelf
from streamproc.core.policy.problems import Findings, PolicyError, PolicyErrors, nearest
from streamproc.core.policy.reasons import Reasons, read_reasons
from streamproc.core.policy.scope import Scope
from streamproc.core.policy.sharing import Sharing
from streamproc.core.policy.traits import trait_finder
from streamproc.core.policy.translations import is_translation, read_translations
from streamproc.core.policy.waits import index_endings
from streamproc.core.policy.windows import charge_ms_max
from streamproc.core.rank import policy_order

FILES_MAX: Final = 500
REQUIRED: Final = ("channels.yaml", "categories.yaml", "reasons.yaml")
CREEP: Final = "creep.yaml"
CAMPAIGNS: Final = "campaigns/"
_VERSION: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_VERSION_BYTES: Final = 6


@dataclass(frozen=True)
class Loaded:
    """A policy with what the check tells its authors: warnings, examples and, by campaign, how long it warms up."""

    policy: Policy
    warnings: tuple[PolicyError, ...]
    examples: Mapping[str, tuple[Example, ...]]
    warmup_ms: Mapping[str, int]


def load(files: Mapping[str, str], version: str = "", plugins: Plugins = NO_PLUGINS) -> Policy:
    """Compile a policy from its files, name to YAML text.

    `version` is the hash of the files unless given, `plugins` are what it may name. Raises PolicyErrors with all that
    is wrong.
    """
    return load_all(files, version, plugins).policy


def load_with_warnings(files: Mapping[str, str], version: str = "") -> tuple[Policy, tuple[PolicyError, ...]]:
    """Compile a policy as `load` does, and tell what its authors should think over. Raises PolicyErrors."""
    loaded = load_all(files, version)
    return loaded.policy, loaded.warnings


def load_all(files: Mapping[str, str], version: str = "", plugins: Plugins = NO_PLUGINS) -> Loaded:
    """Compile a policy as `load` does, with warnings, examples and warm-up times. Raises PolicyErrors."""
    findings = Findings()
    if version and not _VERSION.fullmatch(version):
        findings.error(
            "policy", 0, f"{version!r} is not a version: letters, digits, dot, _ and -, at most 64"
        )
    _check_names(files, findings)
    shelf = Shelf(plugins)
    creep = _creep(files, findings)
    channels, categories, reasons = _frame(files, findings, shelf)
    if channels is None or categories is None or reasons is None:
        findings.error("campaigns", 0, "not checked, because a file that all of them build on cannot be read")
        raise PolicyErrors(findings.errors)
    channels = _as_loud_as(channels, creep)
    parsed = _campaigns(files, findings, channels, categories, shelf)
    translated = read_translations(files, findings, parsed, reasons, channels)
    if findings.errors:
        raise PolicyErrors(findings.errors)
    campaigns = {
        name: _spoken(one.campaign, translated.get(name, {}), reasons) for name, one in parsed.items()
    }
    kept = what_is_kept(parsed.values(), shelf.reads)
    policy = Policy(
        version=version or version_of(files),
        locale=channels.locale,
        channels=channels.channels,
        overall=channels.overall,
        categories=categories.categories,
        default_category=categories.default,
        controls=channels.controls,
        reasons=reasons.sentences,
        campaigns=campaigns,
        by_kind=index_by_kind(campaigns),
        charge_ms_max=charge_ms_max(channels, categories, campaigns.values(), creep),
        find_category=category_finder(categories),
        files=dict(files),
        groups=channels.groups,
        remembered=kept.remembered,
        summed=kept.summed,
        counted=kept.counted,
        keeps_interests=kept.interests,
        kept=kept.kinds,
        plugins=shelf.conditions,
        dwells_ms=_dwells_ms(campaigns.values()),
        creep=creep,
        ending=index_endings(campaigns),
        category_of_trait=trait_finder(private_first(categories)),
    )
    if not parsed:
        findings.warn(
            "campaigns", 0, "there are none, so nothing will ever be sent; a campaign is campaigns/<id>.yaml"
        )
    check_whole(policy, parsed, findings)
    if findings.errors:
        raise PolicyErrors(findings.errors)
    return Loaded(
        policy,
        tuple(sorted(set(findings.warnings))),
        {name: one.examples for name, one in parsed.items()},
        {name: one.rule.warmup_ms for name, one in parsed.items()},
    )


def version_of(files: Mapping[str, str]) -> str:
    """Name a policy by its content: 12 hexadecimal digits, the same for the same files in any order."""
    digest = hashlib.blake2b(digest_size=_VERSION_BYTES)
    for name in sorted(files):
        for part in (name, files[name]):
            data = part.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8, "big"))
            digest.update(data)
    return digest.hexdigest()


def _check_names(files: Mapping[str, str], findings: Findings) -> None:
    if len(files) > FILES_MAX:
        findings.error("policy", 0, f"has {len(files)} files, {FILES_MAX} are allowed")
    for name in REQUIRED:
        if name not in files:
            findings.error(name, 0, "this file is required")
    for name in sorted(files):
        if name not in (*REQUIRED, CREEP) and not _is_campaign(name) and not is_translation(name):
            layout = "channels.yaml, categories.yaml, reasons.yaml, creep.yaml, campaigns/<id>.yaml"
            message = f"is no file of a policy, which are {layout} and translations/<locale>/<id>.yaml"
            findings.error(name, 0, message + nearest(name, (*REQUIRED, CREEP)))


def _is_campaign(name: str) -> bool:
    return name.startswith(CAMPAIGNS) and name.endswith(".yaml") and name.count("/") == 1


def _creep(files: Mapping[str, str], findings: Findings) -> Model:
    node = read(CREEP, files[CREEP], findings) if CREEP in files else None
    return SHIPPED if node is None else read_creep(node, findings)


def _as_loud_as(channels: Channels, creep: Model) -> Channels:
    """Give each channel the obtrusiveness that the policy's own scale has for its form."""
    loudness = creep.scales.obtrusiveness
    known = {name: replace(one, obtrusiveness=loudness[one.form]) for name, one in channels.channels.items()}
    return replace(channels, channels=known)


def _frame(
    files: Mapping[str, str], findings: Findings, shelf: Shelf
) -> tuple[Channels | None, Categories | None, Reasons | None]:
    """Read the three files that every campaign builds on; None for one that cannot be read at all."""
    found = {name: read(name, files[name], findings) if name in files else None for name in REQUIRED}
    channels_node, categories_node, reasons_node = (found[name] for name in REQUIRED)
    channels = None if channels_node is None else read_channels(channels_node, findings, shelf)
    locale = "en" if channels is None else channels.locale
    categories = None if categories_node is None else read_categories(categories_node, findings, locale)
    reasons = None if reasons_node is None else read_reasons(reasons_node, findings, locale)
    return channels, categories, reasons


def _campaigns(
    files: Mapping[str, str], findings: Findings, channels: Channels, categories: Categories, shelf: Shelf
) -> dict[str, Parsed]:
    nodes: list[Node] = []
    for name in sorted(filter(_is_campaign, files)):
        if not NAME.fullmatch(name.removeprefix(CAMPAIGNS).removesuffix(".yaml")):
            findings.error(name, 0, f"the file's name is not a name: {NAME_RULE}")
        elif (node := read(name, files[name], findings)) is not None:
            nodes.append(node)
    scope = Scope(
        tuple(categories.categories),
        channels.producers,
        sharing=Sharing(nodes),
        shelf=shelf,
        discretion=discretion_of(categories.categories.values(), nodes),
    )
    read_ones = [read_campaign(node, findings, channels, categories, scope) for node in nodes]
    return {one.campaign.id: one for one in read_ones if one is not None}


def _spoken(campaign: Campaign, translated: Mapping[str, Mapping[str, Copy]], reasons: Reasons) -> Campaign:
    """Give a campaign all its languages."""
    content = {**campaign.content, **translated}
    return replace(
        campaign,
        content=content,
        labels={locale: reasons.labels_of(locale) for locale in content},
        reasons={locale: reasons.sentence_of(locale, campaign.because) for locale in content},
    )


def _dwells_ms(campaigns: Iterable[Campaign]) -> tuple[int, ...]:
    """Collect the lengths of stay that some campaign waits for, in order."""
    triggers = [one.trigger for one in campaigns]
    return tuple(sorted({one.dwell_min_ms for one in triggers if one.kind == VISIT_DWELLED}))


def index_by_kind(campaigns: Mapping[str, Campaign]) -> dict[str, tuple[Campaign, ...]]:
    """Index the campaigns by the kind that triggers them; the disabled ones too, since a switch may turn them on."""
    ranked = sorted(campaigns.values(), key=policy_order)
    by_kind: dict[str, list[Campaign]] = {}
    for campaign in ranked:
        by_kind.setdefault(campaign.trigger.kind, []).append(campaign)
    return {kind: tuple(found) for kind, found in by_kind.items()}
