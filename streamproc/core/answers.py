"""What of a customer's facts is an answer to us: an outcome, a channel or consent turned off, a topic asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamproc.core.consent import is_agreed
from streamproc.core.consent_head import ConsentHead
from streamproc.core.creep.feedback import SETTING_OFF, TOPIC_WANTED, Felt, feel, hear
from streamproc.core.facts import (
    ANY_CHANNEL,
    CATEGORY_PURPOSE_PREFIX,
    CHANNELS,
    MARKETING,
    PROCESSING,
    SIGNAL_PREFIX,
    ConsentChange,
    Fact,
    Outcome,
    ProfileChange,
)
from streamproc.core.memory import turns_off

if TYPE_CHECKING:
    from streamproc.core.context import Context
    from streamproc.core.policy.model import Policy

# The source of what `decide` writes itself to `consents` after an outcome, which was heard then.
OWN_SOURCE = "outcome"


def felt_at(
    context: Context,
    fact: Fact,
    heads: tuple[ConsentHead, ConsentHead],
    policy: Policy,
    now_ms: int,
    *,
    is_news: bool,
) -> Felt | None:
    """Take a fact to heart, before it enters memory; None where it is no answer, or changes nothing.

    `heads` are the customer's consent before it and after it. `is_news` tells whether it set a hold.
    """
    if isinstance(fact, Outcome):
        return hear(context, fact, policy, now_ms, is_news=is_news)
    if isinstance(fact, ProfileChange):
        return feel(context, SETTING_OFF, policy, now_ms) if turns_off(context, fact) else None
    if isinstance(fact, ConsentChange):
        kind = _said(fact, heads, now_ms)
        return feel(context, kind, policy, now_ms) if kind else None
    return None


def _said(fact: ConsentChange, heads: tuple[ConsentHead, ConsentHead], now_ms: int) -> str:
    """Say what a word on consents is an answer to; empty if it changes nothing, or was not the customer's own."""
    if fact.purpose == PROCESSING or fact.source == OWN_SOURCE or fact.source.startswith(SIGNAL_PREFIX):
        return ""
    channels = CHANNELS if fact.purpose == MARKETING and fact.channel == ANY_CHANNEL else (fact.channel,)
    before, after = (
        {channel for channel in channels if is_agreed(head, channel, fact.purpose, now_ms)} for head in heads
    )
    if before - after:
        return SETTING_OFF
    is_topic = fact.purpose.startswith(CATEGORY_PURPOSE_PREFIX)
    return TOPIC_WANTED if is_topic and after - before else ""
