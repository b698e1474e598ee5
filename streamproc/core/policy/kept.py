"""What is kept of customers' events follows from the rules: nothing that no condition, fact or plug-in asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from streamproc.core import interest
from streamproc.core.facts_paths import TOP_INTEREST
from streamproc.core.policy.campaigns import Parsed


@dataclass(frozen=True)
class Kept:
    """What is kept: events of the kinds `remembered`, with their currency where `summed`, days `counted`, interests."""

    remembered: frozenset[str]
    summed: frozenset[str]
    counted: Mapping[str, frozenset[str]]
    interests: bool

    @property
    def kinds(self) -> frozenset[str]:
        """All kinds of event that leave a trace for any of this."""
        return self.remembered.union(self.counted, interest.KINDS if self.interests else ())


def what_is_kept(parsed: Iterable[Parsed], read_by_rankings: frozenset[str]) -> Kept:
    """Derive what must be kept for these campaigns."""
    campaigns = list(parsed)
    rules = [one.rule for one in campaigns]
    counted: dict[str, frozenset[str]] = {}
    for rule in rules:
        for kind, category in rule.counts:
            counted[kind] = counted.get(kind, frozenset()) | {category}
    said = {fact.path for one in campaigns for fact in one.paths.values()}
    return Kept(
        remembered=read_by_rankings.union(*(rule.reads for rule in rules)),
        summed=frozenset[str]().union(*(rule.sums for rule in rules)),
        counted=counted,
        interests=TOP_INTEREST in said or any(rule.by_interest for rule in rules),
    )
