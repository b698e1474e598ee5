"""How loud a message may be: the rung of the ladder that a candidate's copy may take."""

from __future__ import annotations

from streamproc.core.decision import Creep
from streamproc.core.policy.model import DEFAULT_CATEGORY, Category

SEND = "send"
SOFTEN = "soften"


def weigh(category: Category | None) -> Creep:
    """Choose the rung for a message about this category: soft copy only, where nothing is known of how private it is.

    A message without a category (a welcome) is sent as written.
    """
    if category is not None and category.name == DEFAULT_CATEGORY:
        return Creep(rung=SOFTEN)
    return Creep(rung=SEND)
