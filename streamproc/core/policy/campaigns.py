"""`campaigns/<id>.yaml`: one campaign, checked against the channels and categories that it names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from typing import Final

from streamproc.core.channels.in_store import DISPLAY
from streamproc.core.conditions import all_of
from streamproc.core.facts_paths import (
    CAMPAIGN_UNTIL,
    FACT_PATHS,
    ITEM_PRICE_BEFORE,
    KNOWN_PREFIX,
    OF_ITEM_PREFIX,
    SITE_CLOSES,
    SOFT_SPECIFICITY_MAX,
    SPECIFICITIES,
    TRAIT_PREFIX,
    FactPath,
    known_fact,
    trait_fact,
    until_fact,
)
from streamproc.core.locales import speech
from streamproc.core.policy import choosing, kinds, purposes, ranking, waits
from streamproc.core.policy.campaign_shape import CAMPAIGN, FACTS_MAX
from streamproc.core.policy.caps import read_caps
from streamproc.core.policy.categories import Categories
from streamproc.core.policy.channels import Channels
from streamproc.core.policy.discretion import NO_NAMES, Discretion
from streamproc.core.policy.document import Node
from streamproc.core.policy.examples import Example, read_examples
from streamproc.core.policy.fields import NAME, NAME_RULE, Fields
from streamproc.core.policy.model import (
    DEFAULT_CATEGORY,
    FROM_ITEM,
    NO_CATEGORY,
    Campaign,
    Cap,
    Condition,
    Ground,
    Trigger,
)
from streamproc.core.policy.problems import Findings, listed, nearest
from streamproc.core.policy.rule import NOTHING, Rule
from streamproc.core.policy.scope import Scope
from streamproc.core.policy.subjects import read_about
from streamproc.core.policy.when import Conditions, read_trigger
from streamproc.core.policy.words import Wording, read_content
from streamproc.core.triggers import trigger_conditions, trigger_seen
from streamproc.core.watching import ITEM_PRICE_DROPPED

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Parsed:
    """A campaign as read, with what only the check needs: its rule, its facts' paths and its examples."""

    campaign: Campaign
    rule: Rule
    paths: Mapping[str, FactPath]
    examples: tuple[Example, ...]
    node: Node
    discretion: Discretion = NO_NAMES


def read_campaign(
    node: Node, findings: Findings, channels: Channels, categories: Categories, scope: Scope
) -> Parsed | None:
    """Read one campaign file, its conditions against `scope`.

    Returns None, with errors among the findings, where nothing can be made of it.
    """
    errors_before = len(findings.errors)
    fields = Fields(node, findings, CAMPAIGN)
    name = _name(fields)
    trigger_fields = fields.mapping("trigger")
    trigger = None if trigger_fields is None else read_trigger(trigger_fields, scope)
    rule, unplugged = NOTHING, NOTHING
    if "when" in fields:
        scope = replace(scope, trigger="" if trigger is None else trigger.kind, waits="wait" in fields)
        rule = Conditions(scope, findings).read(fields.keys["when"])
        if rule.plugins:
            scope = replace(scope, is_unplugged=True)
            unplugged = Conditions(scope, Findings()).read(fields.keys["when"])
    active_from, active_until = _active(fields)
    paths = _facts(fields, active_until)
    category = _category(fields, categories)
    is_rule_sound = len(findings.errors) == errors_before
    ladder = _ladder(fields, channels)
    purpose = fields.choice("purpose") or ""
    because = fields.texts("because", kinds.CODES, "a reason code")
    if is_rule_sound and trigger is not None:
        _check_items(fields, trigger, rule, paths, category)
        _check_because(fields, because, purpose, trigger, rule, paths)
    content_fields = fields.mapping("content")
    content = {}
    if content_fields is not None:
        content = read_content(content_fields, _wording(ladder, paths, channels, scope))
    campaign = Campaign(
        id=name,
        helps=fields.text("helps") or "",
        purpose=purpose,
        priority=fields.integer("priority") or 0,
        trigger=trigger or Trigger(""),
        when=_whole(trigger, rule, active_from, active_until),
        plugins=rule.plugins,
        unplugged=_whole(trigger, unplugged, active_from, active_until) if rule.plugins else None,
        channels=ladder,
        category=category,
        facts={fact: path.get for fact, path in paths.items()},
        because=because,
        caps=_caps(fields),
        content={channels.locale: content},
        sensed=_is_sensed(trigger, rule, paths),
        active_from=active_from,
        active_until=active_until,
        expires_ms=fields.duration("expires"),
        enabled=fields.flag("enabled"),
        file=node.file,
        specificity=_specificity(fields, paths, is_public=_is_public(channels, ladder)),
        reveals=_reveals(fields),
        grounds=_grounds(trigger, rule),
        known=_known(paths),
        about=read_about(trigger, rule, paths, categories, purpose, because),
    )
    campaign = choosing.with_choosing(campaign, fields, channels)
    campaign = ranking.with_ranking(campaign, fields, channels)
    campaign = purposes.with_purpose(campaign, fields)
    campaign = waits.with_waiting(campaign, fields, scope, rule, unplugged)
    examples = read_examples(fields, campaign)
    return (
        Parsed(campaign, rule, paths, examples, node, scope.discretion)
        if name and trigger is not None
        else None
    )


def _wording(
    ladder: tuple[str, ...], paths: Mapping[str, FactPath], channels: Channels, scope: Scope
) -> Wording:
    return Wording(ladder, paths, speech(channels.locale), channels, discretion=scope.discretion)


def _whole(trigger: Trigger | None, rule: Rule, active_from: str, active_until: str) -> Condition:
    """Join what the trigger asks of the event with the campaign's conditions."""
    if trigger is None:
        return rule.test
    return all_of([*trigger_conditions(trigger, active_from, active_until), rule.test])


def _name(fields: Fields) -> str:
    name = fields.text("campaign") or ""
    expected = fields.node.file.removeprefix("campaigns/").removesuffix(".yaml")
    if name and not NAME.fullmatch(name):
        fields.at("campaign", f"{name!r} is not a name: {NAME_RULE}")
    elif name and name != expected:
        fields.at("campaign", f"{name!r} differs from the file's name, {expected!r}; counters hang on it")
    return expected if name else ""


def _caps(fields: Fields) -> tuple[Cap, ...]:
    caps = read_caps(fields)
    if fields.is_empty("caps"):
        fields.at("caps", "needs at least one cap: how often may one customer get this?")
    return caps


def _ladder(fields: Fields, channels: Channels) -> tuple[str, ...]:
    """Read the campaign's channels, from loud to quiet."""
    names = fields.texts("channels", channels.channels, "a channel of channels.yaml")
    if fields.is_empty("channels"):
        fields.at("channels", "names no channel")
    loudness = [(channels.channels[name].obtrusiveness, name) for name in names]
    for (above, louder), (below, quieter) in pairwise(loudness):
        if below > above:
            fields.at(
                "channels",
                f"go from loud to quiet, but {quieter} ({below:.2f}) stands after {louder} ({above:.2f})",
            )
    return names


def _category(fields: Fields, categories: Categories) -> str:
    """Read the category; `none` stands for a message about no category."""
    allowed = (FROM_ITEM, "none", *categories.categories)
    name = fields.choice("category", allowed, "a category of categories.yaml") or DEFAULT_CATEGORY
    return NO_CATEGORY if name == "none" else name


def _facts(fields: Fields, until: str) -> dict[str, FactPath]:
    paths: dict[str, FactPath] = {}
    facts = fields.mapping("facts")
    if facts is None:
        return paths
    if len(facts.keys) > FACTS_MAX:
        fields.at("facts", f"has {len(facts.keys)} facts, {FACTS_MAX} are allowed")
    for name in list(facts.keys)[:FACTS_MAX]:
        path = facts.text(name)
        if not facts.is_name(name):
            continue
        # A fact that cannot be read is declared all the same, so that the words that use it are not reported too.
        paths[name] = FactPath(path or name, lambda _: None, "trigger", "none", None)
        if path is None:
            continue
        trait = path.removeprefix(TRAIT_PREFIX)
        if path in FACT_PATHS:
            paths[name] = FACT_PATHS[path]
        elif path == CAMPAIGN_UNTIL and until:
            paths[name] = until_fact(date.fromisoformat(until))
        elif path == CAMPAIGN_UNTIL:
            facts.at(name, f"{path} is not known: the campaign has no active.until")
        elif trait != path and NAME.fullmatch(trait):
            paths[name] = trait_fact(trait)
        elif path.startswith(KNOWN_PREFIX) and NAME.fullmatch(elsewhere := path.removeprefix(KNOWN_PREFIX)):
            paths[name] = known_fact(elsewhere)
        else:
            known = (*FACT_PATHS, CAMPAIGN_UNTIL, f"{TRAIT_PREFIX}<name>", f"{KNOWN_PREFIX}<name>")
            facts.at(name, f"{path!r} is not a fact; allowed are {listed(known)}{nearest(path, FACT_PATHS)}")
    return paths


def _check_items(
    fields: Fields, trigger: Trigger, rule: Rule, paths: Mapping[str, FactPath], category: str
) -> None:
    """Refuse what names, or compares with, an item that the trigger lacks or whose category is not known."""
    of_item = [
        f"{name} ({fact.path})" for name, fact in paths.items() if fact.path.startswith(OF_ITEM_PREFIX)
    ]
    if not kinds.has_item(trigger.kind):
        if category == FROM_ITEM:
            fields.at("category", f"events of {trigger.kind} name no item; name a category, or none")
        if of_item:
            fields.at("facts", f"events of {trigger.kind} name no item, so {listed(of_item)} is never known")
        if rule.needs_item:
            fields.at(
                "when", f"events of {trigger.kind} name no item, so a condition on that item never holds"
            )
    elif of_item and category != FROM_ITEM:
        fields.at("facts", f"{listed(of_item)} speaks of the trigger's item, so category must be {FROM_ITEM}")
    said = {fact.path for fact in paths.values()}
    for path in sorted(said & {"visit.site", SITE_CLOSES}):
        if not kinds.is_sensed(trigger.kind):
            fields.at("facts", f"{path} is only known where a visit triggers, not {trigger.kind}")
    if ITEM_PRICE_BEFORE in said and trigger.kind != ITEM_PRICE_DROPPED:
        fields.at(
            "facts", f"{ITEM_PRICE_BEFORE} is only known of {ITEM_PRICE_DROPPED}, not of {trigger.kind}"
        )


def _check_because(
    fields: Fields,
    because: tuple[str, ...],
    purpose: str,
    trigger: Trigger,
    rule: Rule,
    paths: Mapping[str, FactPath],
) -> None:
    """Refuse a reason that could be untrue: each must follow from the trigger, the conditions or a fact."""
    implied = {*purposes.implied_codes(purpose, trigger.kind), *rule.implies}
    implied.update(fact.code for fact in paths.values() if fact.code)
    if code := kinds.code_of(trigger.kind):
        implied.add(code)
    purposes.check_service(fields, purpose, trigger.kind, frozenset(implied), paths)
    for node in fields.nodes("because"):
        if node.raw in because and node.raw not in implied:
            known = listed(code for code in kinds.CODES if code in implied)
            fields.error(node, f"{node.raw} does not follow from trigger, when or facts; these do: {known}")
    if fields.is_empty("because"):
        fields.at("because", "names no reason")


def _is_sensed(trigger: Trigger | None, rule: Rule, paths: Mapping[str, FactPath]) -> bool:
    by_trigger = trigger is not None and kinds.is_sensed(trigger.kind)
    return by_trigger or rule.sensed or any(fact.sensed for fact in paths.values())


def _is_public(channels: Channels, ladder: tuple[str, ...]) -> bool:
    """Tell whether anybody may read the message: on a display in the store."""
    return any(channels.channels[name].form == DISPLAY for name in ladder)


def _specificity(fields: Fields, paths: Mapping[str, FactPath], *, is_public: bool) -> str:
    """Derive how much the words reveal from the facts they may use; `reveals` may only raise it."""
    derived = max((SPECIFICITIES.index(fact.specificity) for fact in paths.values()), default=0)
    if (reveals := fields.mapping("reveals")) is not None:
        declared = reveals.choice("specificity")
        if declared is not None and SPECIFICITIES.index(declared) < derived:
            reveals.at("specificity", f"{declared} is less than the facts reveal, {SPECIFICITIES[derived]}")
        elif declared is not None and is_public and SPECIFICITIES.index(declared) > SOFT_SPECIFICITY_MAX:
            reveals.at("specificity", f"{declared} is more than a display, which is public, may reveal")
        elif declared is not None:
            derived = SPECIFICITIES.index(declared)
    return SPECIFICITIES[derived]


def _reveals(fields: Fields) -> str:
    """Return what the author says that the words reveal beyond their facts."""
    reveals = fields.keys.get("reveals")
    stated = reveals.keys.get("specificity") if reveals is not None else None
    return stated.raw if stated is not None and stated.raw in SPECIFICITIES else SPECIFICITIES[0]


def _grounds(trigger: Trigger | None, rule: Rule) -> tuple[Ground, ...]:
    """Say what any words of the campaign rest on: the event that triggers, and what its conditions tell."""
    told = {kinds.provenance_of_code(code) for code in rule.grounds}
    if rule.sensed:
        told.add("sensed")
    conditions = tuple(Ground(source) for source in sorted(told))
    if trigger is None:
        return conditions
    return (Ground(kinds.provenance_of(trigger.kind), trigger_seen), *conditions)


def _known(paths: Mapping[str, FactPath]) -> tuple[str, ...]:
    """Name the facts of a customer's profile that the words may use."""
    known = {
        one.path.removeprefix(KNOWN_PREFIX) for one in paths.values() if one.path.startswith(KNOWN_PREFIX)
    }
    return tuple(sorted(known))


def _active(fields: Fields) -> tuple[str, str]:
    """Read the local dates between which the campaign runs, both included."""
    active = fields.mapping("active")
    if active is None:
        return "", ""
    if "from" not in active and "until" not in active:
        fields.at("active", "needs from, until or both")
    days = [_day(active, "from"), _day(active, "until")]
    if all(days) and days[0] > days[1]:
        active.at("until", f"{days[1]} is before from {days[0]}")
    return days[0], days[1]


def _day(active: Fields, key: str) -> str:
    text = active.text(key)
    if text is None:
        return ""
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    active.at(key, f"{text!r} is not a date such as 2026-11-27")
    return ""
