"""`creep.yaml`: weights, scales, limit, budget, wariness and what answers do. What it does not say is as shipped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from streamproc.core.creep import model
from streamproc.core.creep.model import FACTOR_MAX, MINUTE_MS, Answer, Model, Pausing, Scales, Wariness
from streamproc.core.creep.pausing import USUAL_DAYS_MIN
from streamproc.core.facts import UNSUBSCRIBED
from streamproc.core.policy.caps import DAY_MS
from streamproc.core.policy.document import Node
from streamproc.core.policy.fields import NAME, Fields
from streamproc.core.policy.hours import HOURS_PATTERN, read_hours
from streamproc.core.policy.problems import Findings
from streamproc.core.policy.restraint import refuse_bounds, refuse_falls, refuse_leniency
from streamproc.core.policy.shape import Duration, Flag, Hours, Key, Looser, Number, Shape, Text, Whole

HALF_LIFE: Final = Duration(MINUTE_MS, 365 * DAY_MS)
SHARE: Final = Number(0, 1)

_WEIGHTS_SAY: Final = {
    "obtrusiveness": "How loud the channel's form is.",
    "provenance": "Where the message's facts come from.",
    "context_distance": "How far from where they were seen it appears.",
    "specificity": "How exactly the words name what is known.",
    "immediacy": "How soon after a beacon heard the customer.",
    "opacity": "Words that show neither the reason nor a control.",
    "repetition": "How often the same group of items was spoken of lately.",
    "staleness": "How old the oldest fact is.",
    "exposure": "How many other eyes may see it.",
    "untimeliness": "How close to the channel's quiet hours it comes.",
    "invalidity": "How likely it is that the wish is gone.",
    "sensitivity": "How private what it is about is.",
}
_CAUSES_SAY: Final = {
    "loud_specific": "Loud and exact at once.",
    "covert_personal": "Personal, without saying why.",
    "loud_now": "Loud, right after a beacon heard the customer.",
    "sensitive_exposed": "Private, where others may see it.",
}


def _shares(says: str, names: Mapping[str, str], value: Number, looser: Looser) -> Shape:
    return Shape(
        says, {name: Key(said, value, looser=looser, unsaid="neither") for name, said in names.items()}
    )


def _scale(says: str, table: Mapping[str, float], looser: Looser = "less") -> Key:
    names = {name: f"Of {name.replace('_', ' ')}." for name in table}
    return Key(says, _shares(says, names, SHARE, looser))


def _half_life(says: str, looser: Looser, label: str = "half-life") -> Key:
    return Key(says, HALF_LIFE, looser=looser, label=label, unsaid="neither")


def _part(says: str, looser: Looser = "less", value: Number = SHARE) -> Key:
    return Key(says, value, looser=looser, unsaid="neither")


_SCALES: Final[dict[str, tuple[str, Mapping[str, float]]]] = {
    "obtrusiveness": ("How loud each form of a channel is.", model.OBTRUSIVENESS),
    "provenance": ("How far each source of a fact is from the customer's own word.", model.PROVENANCE),
    "distance": ("How far it is from where a fact was seen to where the message appears.", model.DISTANCE),
    "specificity": ("How exact words of each kind are.", model.SPECIFICITY),
    "sensitivity": ("How private each kind of category is.", model.SENSITIVITY),
    "exposure": ("How exposed what several people use is.", model.EXPOSURE),
    "invalidity": ("How likely it is that the wish is gone.", model.INVALIDITY),
}
SCALES: Final = Shape(
    "How situations become factors, from 0 to 1.",
    {
        **{name: _scale(says, table) for name, (says, table) in _SCALES.items()},
        "session": Key(
            "How long after an event the customer still has it before them.",
            HALF_LIFE,
            looser="more",
            unsaid="neither",
        ),
        "immediacy": Key(
            "What a beacon just heard.",
            Shape(
                "What a beacon just heard.",
                {
                    "half_life": _half_life("How soon the moment is half gone.", "less"),
                    "expected": _part("What is left of it for somebody who expects it."),
                    "expected_trait": Key(
                        "The trait that says so: true of who uses features in the store.",
                        Text(48, NAME.pattern),
                    ),
                },
            ),
        ),
        "repetition": Key(
            "What was said before.",
            Shape(
                "What was said before.",
                {"half_life": _half_life("How soon a message is half forgotten.", "less")},
            ),
        ),
        "staleness": Key(
            "What is known for long.",
            Shape(
                "What is known for long.",
                {"half_life": _half_life("How soon a fact is half stale.", "more")},
            ),
        ),
        "calm": Key(
            "When a message is timely, in the customer's time, such as 10:00-19:00.",
            Hours(11, HOURS_PATTERN),
            looser="more",
            unsaid="neither",
        ),
        "soft_sensitivity": _part("What soft words leave of sensitivity."),
        "deferred_repetition": _part("What waiting leaves of repetition."),
    },
)
_LEVELS: Final = Number(0, 100)
WARINESS: Final = Shape(
    "How much warier than others one customer may be; 1 is usual.",
    {
        "start": _part("What it is at least for newcomers.", "less", Number(1, 10)),
        "newcomer": Key(
            "How long somebody is new.", Duration(0, 365 * DAY_MS), looser="less", unsaid="neither"
        ),
        "least": _part("The lowest it gets.", "less", Number(0.01, 1)),
        "most": _part("The highest it gets.", "more", Number(1, 10)),
        "eases": _half_life("The half-life with which it falls back to 1.", "less", "falls back"),
        "recovers": _half_life("The half-life with which it rises to 1.", "more", "rises again"),
    },
)
_ANSWERS_SAY: Final = {
    "ignored": "Three days after it was sent, a message was delivered and nothing else.",
    "dismissed": "The message was waved away.",
    "not_interested": "The customer said: not interested.",
    "why_opened": "The customer asked why it came.",
    "setting_off": "The customer turned a channel or a consent off.",
    "unsubscribed": "The customer unsubscribed.",
    "complained": "The customer complained, or called it spam.",
    "uninstalled": "The customer removed the app.",
    "clicked": "The customer followed it.",
    "converted": "The customer bought because of it.",
    "topic_wanted": "The customer asked for more of this kind.",
}
_HOLD: Final = Duration(0, 365 * DAY_MS)
_OF_COMPLAINT: Final[dict[str, Key]] = {
    "wariness": _part("Multiplies the customer's wariness, by 1 or more.", "less", Number(1, 10)),
    "level": _part("Is added to what was spent of the budget.", "less"),
    "full": Key("true: the budget is spent.", Flag(default=False), looser="less"),
    "hold": Key("How long all marketing holds.", _HOLD, looser="less", unsaid="neither"),
    "mute": Key("How long the message's category is mute.", _HOLD, looser="less", unsaid="neither"),
}
_OF_LIKING: Final[dict[str, Key]] = {
    "wariness": _part("Multiplies the customer's wariness, by 1 or less.", "less", Number(0.5, 1)),
}
# What was spent stays spent, however much somebody clicks: a click is no absolution. Only to ask for more gives room.
_OF_ASKING: Final[dict[str, Key]] = _OF_LIKING | {
    "level": _part("What the customer's asking gives back of the budget, 0 or less.", "less", Number(-1, 0)),
}
_OF_SILENCE: Final[dict[str, Key]] = {"wariness": _OF_COMPLAINT["wariness"]}
LIKING: Final = ("clicked", "converted")
ASKING: Final = "topic_wanted"
IGNORED: Final = "ignored"


def _answer_shape(name: str) -> Shape:
    keys = {ASKING: _OF_ASKING, IGNORED: _OF_SILENCE, **dict.fromkeys(LIKING, _OF_LIKING)}
    return Shape("What one answer does.", keys.get(name, _OF_COMPLAINT))


PAUSING: Final = Shape(
    "When a campaign pauses itself, until somebody lets it go on.",
    {
        "complaints": _part("The share of its messages that may be complained about; 1 is never.", "more"),
        "unsubscriptions": _part(
            f"How many times the usual share of a day's messages may be unsubscribed after; {FACTOR_MAX} is never.",
            "more",
            Number(1, FACTOR_MAX),
        ),
        "messages_min": Key(
            "How many messages it takes to tell.",
            Whole(1, 1_000_000),
            looser="more",
            unsaid="neither",
            label="messages at least",
        ),
        "days": Key("How many days count, today included.", Whole(1, 28)),
    },
)


CREEP_FILE: Final = Shape(
    "How far is too far: what makes a message creepy, how much of that may go, and how much of it in a while.",
    {
        "limit": _part("The highest score of a message that may go.", "more"),
        "capacity": _part("What one customer's budget holds.", "more", Number(0.05, 10)),
        "half_life": _half_life("How soon half of what was spent is there again.", "less"),
        "weights": Key(
            "The chance that each cause alone, at full strength, puts somebody off; below 1.",
            _shares("The twelve weights.", _WEIGHTS_SAY, SHARE, "less"),
        ),
        "interactions": Key(
            "What pairs of causes add; below 1.",
            _shares("The four interactions.", _CAUSES_SAY, SHARE, "less"),
        ),
        "scales": Key(SCALES.says, SCALES),
        "wariness": Key(WARINESS.says, WARINESS),
        "feedback": Key(
            "What customers' answers do.",
            Shape(
                "What customers' answers do.",
                {name: Key(said, _answer_shape(name)) for name, said in _ANSWERS_SAY.items()},
            ),
        ),
        "pause_campaign": Key(PAUSING.says, PAUSING),
    },
)


def read_creep(node: Node, findings: Findings) -> Model:
    """Read `creep.yaml`; what it does not say is as shipped."""
    fields = Fields(node, findings, CREEP_FILE)
    shipped = model.SHIPPED
    scales = fields.mapping("scales")
    return Model(
        weights=_table(fields.mapping("weights"), shipped.weights, is_weight=True),
        interactions=_table(fields.mapping("interactions"), shipped.interactions, is_weight=True),
        scales=shipped.scales if scales is None else _scales(scales),
        limit=_number(fields, "limit", shipped.limit),
        capacity=_number(fields, "capacity", shipped.capacity),
        half_life_ms=fields.duration("half_life") or shipped.half_life_ms,
        wariness=_wariness(fields.mapping("wariness")),
        feedback=_feedback(fields.mapping("feedback")),
        pausing=_pausing(fields.mapping("pause_campaign")),
    )


def _number(fields: Fields | None, key: str, otherwise: float) -> float:
    number = None if fields is None else fields.number(key)
    return otherwise if number is None else float(number)


def _table(
    fields: Fields | None, shipped: Mapping[str, float], *, is_weight: bool = False
) -> Mapping[str, float]:
    if fields is None:
        return shipped
    table = {name: _number(fields, name, usual) for name, usual in shipped.items()}
    for name, value in table.items():
        if is_weight and value >= 1:
            fields.at(
                name, f"{value:g} is not below 1: a cause that is always enough leaves nothing to weigh"
            )
    return table


def _scales(fields: Fields) -> Scales:
    usual = model.SHIPPED.scales
    tables = {name: _table(fields.mapping(name), table) for name, (_, table) in _SCALES.items()}
    refuse_falls(fields, tables)
    now, before, known = (fields.mapping(name) for name in ("immediacy", "repetition", "staleness"))
    calm = (usual.calm_from_min, usual.calm_until_min)
    if (text := fields.text("calm")) is not None:
        calm = read_hours(fields, "calm", text) or calm
    return replace(
        usual,
        **tables,
        session_ms=fields.duration("session") or usual.session_ms,
        immediate_ms=_half_life_ms(now, usual.immediate_ms),
        expected=_number(now, "expected", usual.expected),
        expected_trait=(now.text("expected_trait") if now is not None else None) or usual.expected_trait,
        repeated_ms=_half_life_ms(before, usual.repeated_ms),
        stale_ms=_half_life_ms(known, usual.stale_ms),
        calm_from_min=calm[0],
        calm_until_min=calm[1],
        soft_sensitivity=_number(fields, "soft_sensitivity", usual.soft_sensitivity),
        deferred_repetition=_number(fields, "deferred_repetition", usual.deferred_repetition),
    )


def _half_life_ms(fields: Fields | None, usual_ms: int) -> int:
    return (None if fields is None else fields.duration("half_life")) or usual_ms


def _wariness(fields: Fields | None) -> Wariness:
    usual = model.SHIPPED.wariness
    if fields is None:
        return usual
    newcomer_ms = fields.duration("newcomer")
    wariness = Wariness(
        start=_number(fields, "start", usual.start),
        newcomer_ms=usual.newcomer_ms if newcomer_ms is None else newcomer_ms,
        least=_number(fields, "least", usual.least),
        most=_number(fields, "most", usual.most),
        eases_ms=fields.duration("eases") or usual.eases_ms,
        recovers_ms=fields.duration("recovers") or usual.recovers_ms,
    )
    refuse_bounds(fields, wariness)
    return wariness


def _pausing(fields: Fields | None) -> Pausing:
    usual = model.SHIPPED.pausing
    if fields is None:
        return usual
    messages_min, days = fields.integer("messages_min"), fields.integer("days")
    pausing = Pausing(
        complaint_ratio=_number(fields, "complaints", usual.complaint_ratio),
        unsubscription_factor=_number(fields, "unsubscriptions", usual.unsubscription_factor),
        messages_min=usual.messages_min if messages_min is None else messages_min,
        days=usual.days if days is None else days,
    )
    if pausing.heeds(UNSUBSCRIBED) and pausing.days <= USUAL_DAYS_MIN:
        message = (
            f"pause_campaign.days: {pausing.days}, today included, and what is usual takes {USUAL_DAYS_MIN} days "
            f"before: unsubscriptions pause no campaign (unsubscriptions: {FACTOR_MAX} says so)"
        )
        fields.findings.warn(fields.node.file, fields.node.line_of("days"), message)
    return pausing


def _feedback(fields: Fields | None) -> Mapping[str, Answer]:
    usual = model.SHIPPED.feedback
    if fields is None:
        return usual
    answers = {name: _answer(fields.mapping(name), answer) for name, answer in usual.items()}
    refuse_leniency(fields, answers)
    return answers


def _answer(fields: Fields | None, usual: Answer) -> Answer:
    if fields is None:
        return usual
    hold_ms, mute_ms = fields.duration("hold"), fields.duration("mute")
    return Answer(
        wariness=_number(fields, "wariness", usual.wariness),
        level=_number(fields, "level", usual.level),
        is_full=fields.flag("full", default=usual.is_full),
        hold_ms=usual.hold_ms if hold_ms is None else hold_ms,
        mute_ms=usual.mute_ms if mute_ms is None else mute_ms,
    )
