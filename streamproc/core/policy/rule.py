"""A compiled condition: its test, and what the check must know of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from streamproc.core import conditions
from streamproc.core.certainty import Certain
from streamproc.core.policy.model import Condition


@dataclass(frozen=True)
class Rule:
    """A compiled condition. `implies` are the reason codes that are true whenever it holds.

    `contrary` holds where the condition fails for certain; None where that is wherever it does not hold. `reads` are
    the kinds that must be remembered for it, `sums` those whose money it adds up, `counts` those that it
    counts by day, each with a category, `needs` how many events of a kind
    must be remembered at once for it to hold, `warmup_ms` is how long until its windows are filled. `sensed` tells
    whether it holds because a beacon heard the customer, `sensed_not` whether its contrary does: to stay silent
    because somebody is in a store needs no consent. `needs_item` tells whether it compares with the event's item,
    `by_value` whether it looks at the event's own value, `by_spending` whether it does at what was ordered before,
    `by_interest` whether it does at what was looked at lately.
    `cost` ranks it among others: the dearest are asked last. `plugins` are the plug-ins that it asks. `about` are the
    categories that it names and holds because of, `about_not` those because of which its contrary holds: to stay silent
    because of something private needs no consent. `traits` are those that it asks for, whatever they must be.
    """

    test: Condition
    contrary: Condition | None = None
    implies: frozenset[str] = frozenset()
    reads: frozenset[str] = frozenset()
    sums: frozenset[str] = frozenset()
    counts: frozenset[tuple[str, str]] = frozenset()
    needs: Mapping[str, int] = field(default_factory=dict)
    warmup_ms: int = 0
    sensed: bool = False
    sensed_not: bool = False
    about: frozenset[str] = frozenset()
    about_not: frozenset[str] = frozenset()
    traits: frozenset[str] = frozenset()
    needs_item: bool = False
    cost: int = 1
    plugins: frozenset[str] = frozenset()
    by_value: bool = False
    by_spending: bool = False
    by_interest: bool = False
    # Reason codes that are true on some way to the message: what it may rest on.
    rests_on: frozenset[str] = frozenset()

    @property
    def grounds(self) -> frozenset[str]:
        """Return the codes of all that the message may rest on, if the condition holds."""
        return self.implies | self.rests_on

    @property
    def fails(self) -> Condition:
        """What holds where the condition fails for certain."""
        return conditions.negated(self.test) if self.contrary is None else self.contrary


NOTHING: Final = Rule(conditions.always)


def certain(pair: Certain, cost: int = 1) -> Rule:
    """Make the rule of a condition that may be unknown."""
    return Rule(*pair, cost=cost)


def negated(rule: Rule) -> Rule:
    """Hold where the rule fails for certain. A negation gives no reason, and needs nothing to be remembered."""
    return replace(
        rule,
        test=rule.fails,
        contrary=rule.test,
        implies=frozenset(),
        rests_on=frozenset(),
        needs={},
        sensed=rule.sensed_not,
        sensed_not=rule.sensed,
        about=rule.about_not,
        about_not=rule.about,
    )


def answered_once(rule: Rule, slot: int) -> Rule:
    """Hold and fail as the rule does, asked once an event whoever asks; `slot` numbers the condition."""
    contrary = None if rule.contrary is None else conditions.answered_once(rule.contrary, -1 - slot)
    return replace(rule, test=conditions.answered_once(rule.test, slot), contrary=contrary)


def all_of(rules: Sequence[Rule]) -> Rule:
    """Hold where all rules hold; fail where one fails. The cheapest are asked first."""
    rules = sorted(rules, key=_cost)
    needs: dict[str, int] = {}
    for rule in rules:
        for kind, events in rule.needs.items():
            needs[kind] = max(events, needs.get(kind, 0))
    return replace(
        _joined(rules),
        test=conditions.all_of([rule.test for rule in rules]),
        contrary=_contrary(rules, is_all=True),
        implies=frozenset[str]().union(*(rule.implies for rule in rules)),
        needs=needs,
    )


def any_of(rules: Sequence[Rule]) -> Rule:
    """Hold where one rule holds; fail where all fail.

    A reason must be true on every way to the message: only what all rules imply is implied. The cheapest are asked
    first.
    """
    rules = sorted(rules, key=_cost)
    kinds = set(rules[0].needs).intersection(*(rule.needs for rule in rules))
    return replace(
        _joined(rules),
        test=conditions.any_of([rule.test for rule in rules]),
        contrary=_contrary(rules, is_all=False),
        implies=rules[0].implies.intersection(*(rule.implies for rule in rules)),
        needs={kind: min(rule.needs[kind] for rule in rules) for kind in kinds},
    )


def _cost(rule: Rule) -> int:
    return rule.cost


def _joined(rules: Sequence[Rule]) -> Rule:
    return Rule(
        conditions.always,
        reads=frozenset[str]().union(*(rule.reads for rule in rules)),
        sums=frozenset[str]().union(*(rule.sums for rule in rules)),
        counts=frozenset[tuple[str, str]]().union(*(rule.counts for rule in rules)),
        by_interest=any(rule.by_interest for rule in rules),
        warmup_ms=max(rule.warmup_ms for rule in rules),
        sensed=any(rule.sensed for rule in rules),
        sensed_not=any(rule.sensed_not for rule in rules),
        about=frozenset[str]().union(*(rule.about for rule in rules)),
        about_not=frozenset[str]().union(*(rule.about_not for rule in rules)),
        traits=frozenset[str]().union(*(rule.traits for rule in rules)),
        needs_item=any(rule.needs_item for rule in rules),
        cost=max(rule.cost for rule in rules),
        plugins=frozenset[str]().union(*(rule.plugins for rule in rules)),
        by_value=any(rule.by_value for rule in rules),
        by_spending=any(rule.by_spending for rule in rules),
        rests_on=frozenset[str]().union(*(rule.grounds for rule in rules)),
    )


def _contrary(rules: Sequence[Rule], *, is_all: bool) -> Condition | None:
    """Say where the rules joined fail for certain; None where no rule can be unknown."""
    if all(rule.contrary is None for rule in rules):
        return None
    join = conditions.any_of if is_all else conditions.all_of
    return join([rule.fails for rule in rules])
