"""What an HTTP status says about a nudge, and how long a server asks to wait."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from streamproc.deliver.ports import Answer, Away, Bounce, Bounced, Delivered, Later

__all__ = ["judge", "wait_s"]

# A day: by then most nudges have expired, and a wrong header must not stop a channel for ever.
WAIT_S_MAX: Final = 86_400.0

# The server is busy or its backend is down: no other nudge would fare better.
_AWAY: Final = frozenset({429, 502, 503, 504})
# It distrusts us, or this is no place to POST to: every nudge would get the same answer until somebody mends it.
_MISSET: Final = frozenset({401, 403, 405, 407})
# It may take this very nudge at another time.
_LATER: Final = frozenset({408, 409, 423, 425})


def judge(status: int, retry_after: str | None, now_s: float) -> Answer:
    """Tell what a status means for a nudge that was posted.

    A redirect is not followed: it would carry a customer's message to a place that nobody named.
    """
    if 200 <= status < 300:  # noqa: PLR2004 - the ranges of HTTP
        return Delivered()
    why = f"it answers {status}"
    if status in _AWAY:
        return Away(why, wait_s(retry_after, now_s))
    if status in _MISSET or status < 400:  # noqa: PLR2004
        return Away(why)
    if status in _LATER or status >= 500:  # noqa: PLR2004
        return Later(why, wait_s(retry_after, now_s))
    return Bounced(Bounce.REFUSED)


def wait_s(retry_after: str | None, now_s: float) -> float | None:
    """Read a Retry-After header, seconds or a date (RFC 9110): seconds from now in [0, `WAIT_S_MAX`], None if none."""
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), WAIT_S_MAX)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return min(max(0.0, at.timestamp() - datetime.fromtimestamp(now_s, UTC).timestamp()), WAIT_S_MAX)
