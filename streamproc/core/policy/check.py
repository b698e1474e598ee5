"""What only shows once a policy is whole: words that do not fit, campaigns that can never speak."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from streamproc.core.facts_paths import ITEM_CATEGORY, FactPath
from streamproc.core.locales import fallbacks
from streamproc.core.policy.campaigns import Parsed
from streamproc.core.policy.choosing import check_groups, check_names
from streamproc.core.policy.examples import Example
from streamproc.core.policy.fitting import check_words
from streamproc.core.policy.model import Campaign, Policy
from streamproc.core.policy.problems import Findings, listed, nearest


def check_whole(policy: Policy, parsed: Mapping[str, Parsed], findings: Findings) -> None:
    """Report what is wrong, or doubtful, between the parts of a policy that each read well."""
    nodes = {name: one.node for name, one in parsed.items()}
    check_names(policy.campaigns, nodes, findings)
    check_groups(policy.campaigns, nodes, findings)
    for campaign in policy.campaigns.values():
        node = parsed[campaign.id].node
        unsaid = [code for code in campaign.because if code not in policy.reasons[policy.locale]]
        if unsaid:
            message = f"because: {listed(unsaid)} has no sentence in reasons.yaml, in {policy.locale}"
            findings.error(node.file, node.line_of("because"), message)
            continue
        check_words(policy, campaign, node.line_of("content"), findings)
        _check_names(policy, campaign, parsed[campaign.id].paths, findings)
        _check_expected(policy, parsed[campaign.id].examples, findings)
        if campaign.priority < policy.overall.priority_min:
            floor = f"priority: {campaign.priority} is below priority_min {policy.overall.priority_min}"
            findings.warn(
                node.file, node.line_of("priority"), f"{floor} of channels.yaml: this campaign stays silent"
            )
        rule = parsed[campaign.id].rule
        if rule.by_spending or (rule.by_value and campaign.trigger.kind.startswith("order.")):
            message = "when: chooses customers by what they spent; the others never hear of it"
            findings.warn(node.file, node.line_of("when"), message)


def _check_expected(policy: Policy, examples: Iterable[Example], findings: Findings) -> None:
    """Report messages of other campaigns that an example expects and that these could never send."""
    for example in examples:
        for one in example.expect:
            other = policy.campaigns.get(one.campaign or example.campaign)
            where = f"examples: {example.name}: expect"
            if other is None:
                known = listed(sorted(policy.campaigns))
                message = f"{one.campaign!r} is no campaign of this policy; there are {known}"
                findings.error(
                    example.file, example.line, f"{where}: {message}{nearest(one.campaign, policy.campaigns)}"
                )
            elif one.channel not in other.channels:
                message = (
                    f"{one.channel!r} is not a channel of {other.id}; allowed are {listed(other.channels)}"
                )
                findings.error(example.file, example.line, f"{where}: {message}")


def _check_names(
    policy: Policy, campaign: Campaign, paths: Mapping[str, FactPath], findings: Findings
) -> None:
    """Warn where a translation names a category that its language has no name for: soft words then stand in."""
    facts = {name for name, fact in paths.items() if fact.path == ITEM_CATEGORY}
    for locale, content in campaign.content.items():
        texts = [text for copy in content.values() for text in (copy.say, copy.soft)]
        if not any(facts & text.uses.keys() for text in texts):
            continue
        known = fallbacks(locale)
        nameless = [name for name, category in policy.categories.items() if not category.names.keys() & known]
        if nameless:
            file = f"translations/{locale}/{campaign.id}.yaml"
            message = f"categories.yaml has no names in {locale} for {listed(nameless)}"
            findings.warn(file, 1, f"{message}; where one is to be named, other words stand in")
