"""A message before a channel writes it: its filled words, and what stands around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from streamproc.core.policy.model import Channel

CONTROLS: Final = ("why", "mute", "unsubscribe")
TITLE_CHARS_MAX: Final = 120  # what a phone or a mail program shows


class RenderCode(StrEnum):
    """Why a message cannot be written: a closed list."""

    NO_WORDS = "no_words"
    FACT_MISSING = "fact_missing"
    REASON_MISSING = "reason_missing"
    CONTROL_MISSING = "control_missing"
    EMPTY = "empty"
    TOO_LONG = "too_long"
    TEMPLATE_FAILED = "template_failed"
    LINK_REFUSED = "link_refused"


class RenderError(ValueError):
    """Say that a message cannot be written; nothing must be sent. `detail` holds no customer's text."""

    def __init__(self, code: RenderCode, detail: str = "") -> None:
        self.code: Final = code
        self.detail: Final = detail
        super().__init__(f"{code}: {detail}" if detail else str(code))


@dataclass(frozen=True)
class Frame:
    """What stands around the words of one nudge: in which language, why it comes, how to stop it, until when.

    `reason` is in the language of `locale`; `controls` are the links of control, each with the nudge's id.
    """

    locale: str
    reason: str
    controls: Mapping[str, str]
    nudge_id: str
    expires_at_ms: int


@dataclass(frozen=True)
class Message:
    """All that a channel's writer needs: its filled fields, and what belongs to every message."""

    fields: Mapping[str, str]
    action: str
    campaign: str
    channel: Channel
    is_soft: bool
    labels: Mapping[str, str]
    frame: Frame
    direction: str = "ltr"  # of the writing, or rtl

    def with_reason(self, text: str, chars_max: int) -> str:
        """Add the reason where there is room for it; soft words always carry it, or are not sent."""
        whole = f"{text} {self.frame.reason}"
        if self.is_soft or len(whole) <= chars_max:
            return fitting(whole, chars_max)
        return fitting(text, chars_max)


def fitting(text: str, chars_max: int) -> str:
    """Return the text if it is short enough. Raises RenderError: what is too long is never cut by us."""
    if len(text) > chars_max:
        raise RenderError(RenderCode.TOO_LONG, f"{len(text)} of {chars_max} characters")
    return text
