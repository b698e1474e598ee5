"""From one policy to the next: whether each campaign keeps the name that its counters hang on."""

from __future__ import annotations

from streamproc.core.policy.model import Policy
from streamproc.core.policy.problems import Findings


def check_renames(before: Policy, after: Policy) -> Findings:
    """Report campaigns whose first name is told no longer, so that their caps would forget what was charged.

    A campaign is the same as one before if it has a name of it. That it is given another first name is a warning:
    another part of the customers would be held out.
    """
    findings = Findings()
    for campaign in after.campaigns.values():
        known = next((same for name in campaign.names if (same := before.called(name)) is not None), None)
        if known is None or known.key == campaign.key:
            continue
        if known.key not in campaign.names:
            message = f"formerly leaves out {known.key}, on which the caps of {known.id} hang"
            findings.error(campaign.file, 0, f"{message}: they would begin anew; name it, the oldest first")
        elif campaign.holdout_ratio or known.holdout_ratio:
            message = f"formerly begins with {campaign.key}, the hold-out group hangs on {known.key}"
            findings.warn(campaign.file, 0, f"{message}: it is drawn anew")
    return findings
