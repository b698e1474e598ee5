"""Which words may be considered at all, before anything is weighed."""

from __future__ import annotations

from streamproc.core.creep.ladder import SEND, SOFTEN
from streamproc.core.policy.model import DEFAULT_CATEGORY, Category


def highest_rung(category: Category | None) -> str:
    """Return the first rung for a message about this category: soft words, where nobody knows how private it is.

    A message without a category (a welcome) may be sent as written.
    """
    return SOFTEN if category is not None and category.name == DEFAULT_CATEGORY else SEND
