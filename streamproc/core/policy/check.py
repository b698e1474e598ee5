"""What only shows once a policy is whole: words that do not fit, campaigns that can never speak."""

from __future__ import annotations

from collections.abc import Mapping

from streamproc.core.policy.campaigns import Parsed
from streamproc.core.policy.choosing import check_groups, check_names
from streamproc.core.policy.fitting import check_words
from streamproc.core.policy.model import Policy
from streamproc.core.policy.problems import Findings


def check_whole(policy: Policy, parsed: Mapping[str, Parsed], findings: Findings) -> None:
    """Report what is wrong, or doubtful, between the parts of a policy that each read well."""
    nodes = {name: one.node for name, one in parsed.items()}
    check_names(policy.campaigns, nodes, findings)
    check_groups(policy.campaigns, nodes, findings)
    for campaign in policy.campaigns.values():
        node = parsed[campaign.id].node
        check_words(policy, campaign, node.line_of("content"), findings)
        if campaign.priority < policy.overall.priority_min:
            floor = f"priority: {campaign.priority} is below priority_min {policy.overall.priority_min}"
            findings.warn(
                node.file, node.line_of("priority"), f"{floor} of channels.yaml: this campaign stays silent"
            )
        rule = parsed[campaign.id].rule
        if rule.by_spending or (rule.by_value and campaign.trigger.kind.startswith("order.")):
            message = "when: chooses customers by what they spent; the others never hear of it"
            findings.warn(node.file, node.line_of("when"), message)
