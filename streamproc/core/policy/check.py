"""What only shows once a policy is whole: words that do not fit, campaigns that can never speak."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

from streamproc.core.channels.message import RenderError
from streamproc.core.policy.campaigns import Parsed
from streamproc.core.policy.choosing import check_groups, check_names
from streamproc.core.policy.model import Campaign, Policy
from streamproc.core.policy.problems import Findings
from streamproc.core.render import SOFTEN, frame_of, render
from streamproc.core.values import VALUE_CHARS_MAX, FactValue, Kind, Money

NUDGE_ID_CHARS: Final = 32
# The longest that a fact of each kind is likely to be.
SAMPLES: Final[Mapping[Kind, FactValue]] = {
    "text": "x" * VALUE_CHARS_MAX,
    "any": "x" * VALUE_CHARS_MAX,
    "number": 9_999_999,
    "money": Money(999_999_999, "EUR"),
    "date": date(2026, 9, 30),
}
RUNGS: Final = ("send", SOFTEN)


def check_whole(policy: Policy, parsed: Mapping[str, Parsed], findings: Findings) -> None:
    """Report what is wrong, or doubtful, between the parts of a policy that each read well."""
    nodes = {name: one.node for name, one in parsed.items()}
    check_names(policy.campaigns, nodes, findings)
    check_groups(policy.campaigns, nodes, findings)
    for campaign in policy.campaigns.values():
        node = parsed[campaign.id].node
        _check_words(policy, campaign, node.line_of("content"), findings)
        if campaign.priority < policy.overall.priority_min:
            floor = f"priority: {campaign.priority} is below priority_min {policy.overall.priority_min}"
            findings.warn(
                node.file, node.line_of("priority"), f"{floor} of channels.yaml: this campaign stays silent"
            )
        if parsed[campaign.id].rule.by_value and campaign.trigger.kind.startswith("order."):
            message = "when: chooses customers by what they spent; the others never hear of it"
            findings.warn(node.file, node.line_of("when"), message)


def _check_words(policy: Policy, campaign: Campaign, line: int, findings: Findings) -> None:
    """Write every message once with facts of the greatest length.

    Soft words that do not fit are an error: nothing could be said in their place. Others are softened, so that is a
    warning.
    """
    for locale, name, rung in _messages(campaign):
        channel = policy.channels[name]
        copy = campaign.content[locale][name]
        text = copy.soft if rung == SOFTEN else copy.say
        values = {fact: SAMPLES[kind] for fact, kind in text.uses.items()}
        frame = frame_of(policy, campaign, channel, locale, "0" * NUDGE_ID_CHARS, 0)
        try:
            render(campaign, channel, rung, values, frame)
        except RenderError as error:
            is_default = locale == policy.locale
            file = campaign.file if is_default else f"translations/{locale}/{campaign.id}.yaml"
            report = findings.error if rung == SOFTEN else findings.warn
            place = f"content.{name}.{'soft' if rung == SOFTEN else 'say'}"
            report(
                file,
                line if is_default else 1,
                f"{place}: with its reason and the longest facts it does not fit, {error}",
            )


def _messages(campaign: Campaign) -> Iterator[tuple[str, str, str]]:
    for locale, content in campaign.content.items():
        for channel in content:
            for rung in RUNGS:
                yield locale, channel, rung
