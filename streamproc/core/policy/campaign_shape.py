"""What a campaign's file may hold."""

from __future__ import annotations

import re
from typing import Final

from streamproc.core.facts_paths import FACT_PATHS, KNOWN_PREFIX, SPECIFICITIES, TRAIT_PREFIX
from streamproc.core.policy import kinds
from streamproc.core.policy.caps import CAP, CAPS_MAX, DAY_MS, MINUTE_MS
from streamproc.core.policy.choosing import CHOOSING
from streamproc.core.policy.content_shape import CONTENT
from streamproc.core.policy.examples import EXAMPLE, EXAMPLES_MAX
from streamproc.core.policy.fields import NAME, NAME_RULE
from streamproc.core.policy.model import FROM_ITEM
from streamproc.core.policy.overall import PRIORITY_MAX
from streamproc.core.policy.purposes import PURPOSE, PURPOSES
from streamproc.core.policy.ranking import RANKING
from streamproc.core.policy.shape import (
    Again,
    ByName,
    Choice,
    Duration,
    Flag,
    Key,
    ListOf,
    NameOf,
    Shape,
    Text,
    Whole,
)
from streamproc.core.policy.waits import WAITING
from streamproc.core.policy.when_shapes import CONDITION, TRIGGER

FACTS_MAX: Final = 8
_DATE: Final = r"\d{4}-\d{2}-\d{2}"

REVEALS: Final = Shape(
    "What the words reveal beyond their facts; it can only raise what follows from those.",
    {
        "specificity": Key(
            "How much they reveal, from none to a place.",
            Choice(SPECIFICITIES, "a specificity"),
            required=True,
        )
    },
)
ACTIVE: Final = Shape(
    "The days on which it runs, where the customer is.",
    {
        "from": Key(
            "The first day, such as 2026-11-27.", Text(pattern=_DATE), looser="less", label="first day"
        ),
        "until": Key("The last day.", Text(pattern=_DATE), looser="more", label="last day"),
    },
    any_of=("from", "until"),
)

CAMPAIGN: Final = Shape(
    "One campaign: a message, when it may be sent, how often, where, and in which words.",
    {
        "campaign": Key(
            "The campaign's id, the same as the file's name. Counters hang on it, so it is never used again.",
            Text(pattern=NAME.pattern),
            required=True,
        ),
        "helps": Key(
            "How it helps the customer, in a sentence that customers read who ask what you do with their data.",
            Text(),
            required=True,
        ),
        "purpose": Key(
            "Why it is sent: marketing, or transactional, which is about something the customer has ordered.",
            Choice(PURPOSES, "a purpose of a campaign"),
            required=True,
            looser="more",
        ),
        "priority": Key(
            "0 to 100: of several campaigns that fit, the one with the highest speaks.",
            Whole(0, PRIORITY_MAX),
            required=True,
        ),
        "trigger": Key("The event that makes it a candidate.", TRIGGER, required=True),
        **WAITING,
        "when": Key(
            "What must be true besides. A condition has one key; all, any and not join them.",
            Again("condition", lambda: CONDITION),
            looser="less",
        ),
        "channels": Key(
            "The channels, from loud to quiet: the first that may speak does.",
            ListOf(NameOf("channel"), least=1),
            required=True,
            looser="more",
        ),
        "category": Key(
            "What it is about, which says how private it is: from_item, none, or a group of categories.yaml.",
            NameOf("category", (FROM_ITEM, "none")),
            required=True,
        ),
        "facts": Key(
            "All that the words may use: a name of yours, and the fact it stands for.",
            ByName(
                Choice(
                    tuple(FACT_PATHS),
                    or_like=f"({re.escape(TRAIT_PREFIX)}|{re.escape(KNOWN_PREFIX)}){NAME.pattern}",
                ),
                NAME.pattern,
                FACTS_MAX,
                NAME_RULE,
            ),
            looser="more",
            unsaid="tightest",
        ),
        "because": Key(
            "The reasons that the customer is given; each follows from trigger, when or facts.",
            ListOf(Choice(kinds.CODES, "a reason code"), least=1),
            required=True,
        ),
        "caps": Key(
            "How often one customer may get this.",
            ListOf(Again("cap", lambda: CAP), CAPS_MAX, 1),
            required=True,
            looser="more",
        ),
        "content": Key(CONTENT.says, CONTENT, required=True),
        "examples": Key(
            "What customers did and what must come of it; `policy check` runs them.",
            ListOf(EXAMPLE, EXAMPLES_MAX),
            required=True,
        ),
        "reveals": Key(REVEALS.says, REVEALS),
        "active": Key(ACTIVE.says, ACTIVE, looser="less"),
        "expires": Key(
            "After so long a message is not delivered any more; as the channel says unless given.",
            Duration(MINUTE_MS, 30 * DAY_MS),
            label="expiry",
        ),
        "enabled": Key(
            "false: it stays silent until a switch turns it on; true unless given.", Flag(), looser="more"
        ),
        **CHOOSING,
        **RANKING,
        **PURPOSE,
    },
)
