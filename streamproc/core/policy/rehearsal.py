"""A policy as the examples of a campaign show it: for a customer who is held out of nothing, and live."""

from __future__ import annotations

from dataclasses import replace

from streamproc.core.policy.loader import index_by_kind
from streamproc.core.policy.model import Policy


def rehearsed(policy: Policy, campaign: str) -> Policy:
    """Return the policy without hold-out groups, and with this campaign out of shadow.

    Whether the customer of an example is held out is chance; and examples say what a campaign will do once it is live,
    among those that are.
    """
    overall = replace(policy.overall, holdout_ratio=0.0, shadow=False)
    own = policy.campaigns.get(campaign)
    if not (own is not None and own.shadow) and not any(
        one.holdout_ratio for one in policy.campaigns.values()
    ):
        return replace(policy, overall=overall)
    campaigns = {
        name: replace(one, holdout_ratio=0.0, shadow=one.shadow and name != campaign)
        for name, one in policy.campaigns.items()
    }
    return replace(policy, overall=overall, campaigns=campaigns, by_kind=index_by_kind(campaigns))
