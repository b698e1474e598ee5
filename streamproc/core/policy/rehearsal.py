"""A policy as the examples of a campaign show it: for a customer who is held out of nothing."""

from __future__ import annotations

from dataclasses import replace

from streamproc.core.policy.loader import index_by_kind
from streamproc.core.policy.model import Policy


def rehearsed(policy: Policy) -> Policy:
    """Return the policy without hold-out groups: whether the customer of an example is in one is chance."""
    overall = replace(policy.overall, holdout_ratio=0.0)
    if not any(campaign.holdout_ratio for campaign in policy.campaigns.values()):
        return replace(policy, overall=overall)
    campaigns = {name: replace(one, holdout_ratio=0.0) for name, one in policy.campaigns.items()}
    return replace(policy, overall=overall, campaigns=campaigns, by_kind=index_by_kind(campaigns))
