"""What a transactional message need not obey, asked at its decision and again at its hand-over.

Only what its policy names is left out; each question is answered for marketing as if there were no exemptions.
"""

from __future__ import annotations

from collections.abc import Collection

from streamproc.core.consent import allows, tolerates
from streamproc.core.consent_head import Allowed, ConsentHead
from streamproc.core.facts import MARKETING
from streamproc.core.memory import NEVER_ENDS_MS
from streamproc.core.policy.model import TRANSACTIONAL, Exemption

_EXEMPT = Allowed(ok=True, detail="exempt")


def channel_allows(
    head: ConsentHead, channel: str, purpose: str, exempt_from: Collection[str], now_ms: int
) -> Allowed:
    """Tell whether the customer lets a message of this purpose on the channel.

    Marketing needs the opt-in. A transactional message needs none, but obeys a refusal, unless it is exempt.
    """
    if purpose != TRANSACTIONAL:
        return allows(head, channel, MARKETING, now_ms)
    return _EXEMPT if Exemption.REFUSAL in exempt_from else tolerates(head, channel)


def is_held(until_ms: int, exempt_from: Collection[str], now_ms: int) -> bool:
    """Tell whether a hold over everything stops a message. One for ever, after an objection, stops each."""
    if until_ms <= now_ms:
        return False
    return Exemption.HOLD not in exempt_from or until_ms >= NEVER_ENDS_MS
