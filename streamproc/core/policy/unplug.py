"""A policy some of whose plug-ins are switched off: their campaigns stay silent, and say so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from streamproc.core.policy.model import Campaign, Policy
from streamproc.core.rank import BY_PRIORITY


def troubles(policy: Policy) -> dict[str, str]:
    """Ask the plug-ins of a policy which of them are switched off, and why."""
    in_use = [*policy.plugins.values()]
    if policy.overall.ranking is not None:
        in_use.append(policy.overall.ranking.plugin)
    return {plugin.name: why for plugin in in_use if (why := plugin.trouble())}


def unplug(policy: Policy, troubles: Mapping[str, str]) -> Policy:
    """Return the policy without the plug-ins named, each with what is wrong with it.

    A campaign that asks one of them is a candidate wherever it could be one, and its gate stays shut. Where the ranking
    is switched off, the order by priority stands: it decides who speaks first, and never whether anybody may.
    """
    silenced = {name: _silenced(one, troubles) for name, one in policy.campaigns.items()}
    overall = policy.overall
    if overall.ranking is not None and overall.ranking.plugin.name in troubles:
        overall = replace(overall, rank=BY_PRIORITY, ranking=None)
    by_kind = {kind: tuple(silenced[one.id] for one in ranked) for kind, ranked in policy.by_kind.items()}
    return replace(policy, campaigns=silenced, by_kind=by_kind, overall=overall)


def _silenced(campaign: Campaign, troubles: Mapping[str, str]) -> Campaign:
    off = [f"{name}: {troubles[name]}" for name in sorted(campaign.plugins) if name in troubles]
    if not off or campaign.unplugged is None:
        return campaign
    return replace(campaign, when=campaign.unplugged, still=campaign.still_unplugged, silent="; ".join(off))
