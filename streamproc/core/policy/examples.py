"""A campaign's `examples`: a customer, what they did, and what must come of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Final

from streamproc.core.event import ID_CHARS_MAX, Event, Item
from streamproc.core.facts import CATEGORY_PURPOSE_PREFIX, CHANNELS, SENSING
from streamproc.core.money import MINOR_MAX, to_minor
from streamproc.core.policy.caps import DAY_MS
from streamproc.core.policy.document import Node
from streamproc.core.policy.example_catalog import CATALOG_KEYS, CATALOG_OWN, CATALOG_VERBS, Said, read_said
from streamproc.core.policy.fields import NAME, NAME_RULE, Fields
from streamproc.core.policy.model import Campaign
from streamproc.core.policy.problems import Findings, listed
from streamproc.core.policy.shape import (
    ByName,
    Choice,
    Duration,
    Either,
    Flag,
    Key,
    ListOf,
    NameOf,
    Number,
    Shape,
    Text,
    Whole,
)

EXAMPLES_MAX: Final = 20
STEPS_MAX: Final = 50
AT_MS_MAX: Final = 89 * DAY_MS
# The longest wait after the last step, and more: a repurchase interval may be longer than a year.
EXPECT_AT_MS_MAX: Final = 800 * DAY_MS
# A Tuesday at noon: within everybody's hours, and no day on which clocks change.
STARTS_AT_MS: Final = 1_772_539_200_000
CUSTOMER_ID: Final = "example"
RUNGS: Final = ("send", "soften", "quieter", "defer")

# Each verb is the key that names its item, or its store.
ITEM_VERBS: Final = {
    "view": "product.viewed",
    "add": "cart.item_added",
    "remove": "cart.item_removed",
    "wish": "wishlist.added",
    "order": "order.completed",
    "ask": "alert.requested",
}
SITE_VERBS: Final = {
    "enter": "beacon.entered",
    "exit": "beacon.exited",
    "range": "beacon.ranged",
    "dwell": "beacon.dwelled",
}
OPEN: Final = "open"
VERBS: Final = (*ITEM_VERBS, *SITE_VERBS, OPEN, *CATALOG_VERBS)
_ITEM_KEYS: Final = ("name", "brand", "category", "price", "quantity")
_SURFACES: Final = ("web", "app")
_STARTS: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}Z")

_VERBS_SAY: Final = {
    "view": "looked at this item",
    "add": "put this item into the basket",
    "remove": "took this item out of the basket",
    "wish": "put this item on the wish list",
    "order": "bought this item",
    "ask": "asked to be told of this item",
    "enter": "came into this store",
    "exit": "left this store",
    "range": "was seen again in this store",
    "dwell": "stayed in this store",
    OPEN: "opened the app; write open: app",
}
_STEP_KEYS: Final = {
    "at": Key("When, after the example's start: 0m, then 5m ...", Duration(0, AT_MS_MAX), required=True),
    **{verb: Key(f"The customer {said}.", Text(ID_CHARS_MAX)) for verb, said in _VERBS_SAY.items()},
    "on": Key("Where it happened; web unless given, app for open.", Choice(_SURFACES, "a surface")),
    "name": Key("What the item is called.", Text()),
    "brand": Key("The item's brand.", Text()),
    "category": Key("The item's category text, as your shop sends it.", Text()),
    "price": Key("The price of one, as on a price tag.", Number(0, MINOR_MAX)),
    "quantity": Key("How many; 1 unless given.", Whole(1, 1_000)),
    "for": Key("How long the customer had stayed.", Duration(1_000, DAY_MS)),
    **CATALOG_KEYS,
}
STEP: Final = Shape("One thing that the customer did, or that the shop said.", _STEP_KEYS, one_of=VERBS)


def _step_shape(verb: str) -> Shape:
    """Return what a step of this verb may say."""
    of_item = _ITEM_KEYS if verb in ITEM_VERBS else ()
    own = CATALOG_OWN.get(verb, ("on", *of_item, *(("for",) if verb == "dwell" else ())))
    return Shape(STEP.says, {name: _STEP_KEYS[name] for name in ("at", verb, *own)})


_STEPS: Final = {verb: _step_shape(verb) for verb in VERBS}
EXPECTED: Final = Shape(
    "A message that must come.",
    {
        "at": Key("When, after the example's start.", Duration(0, EXPECT_AT_MS_MAX), required=True),
        "channel": Key("On which of the campaign's channels.", NameOf("channel"), required=True),
        "campaign": Key(
            "Which campaign it comes from, if from another one that fits too; the example's own unless given.",
            Text(pattern=NAME.pattern),
        ),
        "rung": Key(
            "How it is said: as written, softened, that on a quieter channel, or in calm hours; any unless given.",
            Choice(RUNGS, "a rung"),
        ),
    },
)
EXAMPLE: Final = Shape(
    "A customer, what they did, and what must come of it.",
    {
        "name": Key("What it shows, in words.", Text(120), required=True),
        "consents": Key(
            f"What the customer agreed to: channels, {SENSING}, {CATEGORY_PURPOSE_PREFIX}<name>. Processing always is.",
            ListOf(Text(pattern=f"{'|'.join(CHANNELS)}|{SENSING}|{CATEGORY_PURPOSE_PREFIX}.*")),
            required=True,
        ),
        "given": Key("What the customer did, in order.", ListOf(STEP, STEPS_MAX), required=True),
        "expect": Key(
            "Every message that must come; any other is a failure.", ListOf(EXPECTED), required=True
        ),
        "traits": Key(
            "What the customer told of themselves.",
            ByName(
                Either((Text(), Number(-MINOR_MAX, MINOR_MAX), Flag(), ListOf(Text()))),
                NAME.pattern,
                says=NAME_RULE,
            ),
        ),
        "timezone": Key("Where the customer lives, such as Europe/Berlin; UTC unless given.", Text(64)),
        "starts": Key(
            "When the example starts, such as 2026-11-27T11:00Z; noon on a working day unless given.",
            Text(20, _STARTS.pattern),
        ),
        "currency": Key("The currency of prices; EUR unless given.", Text(3)),
    },
)

TraitValue = str | int | float | bool | list[str]


@dataclass(frozen=True)
class Step:
    """One thing the customer did, `at_ms` after the example's start, or what the shop `said` meanwhile.

    `target` is the item or the store.
    """

    at_ms: int
    verb: str
    target: str
    name: str = ""
    brand: str = ""
    category: str = ""
    price_minor: int | None = None
    quantity: int = 1
    dwell_ms: int | None = None
    surface: str = "web"
    said: Said | None = None


@dataclass(frozen=True)
class Expected:
    """A nudge that must come, `at_ms` after the start.

    `rung` is empty where any will do, `campaign` where it is the example's own.
    """

    at_ms: int
    channel: str
    rung: str = ""
    campaign: str = ""


@dataclass(frozen=True)
class Example:
    """One example. `consents` are channels (marketing), `sensing` and `category/<name>`; processing is always granted.

    No nudge other than those in `expect` may come.
    """

    campaign: str
    name: str
    consents: tuple[str, ...]
    given: tuple[Step, ...]
    expect: tuple[Expected, ...]
    traits: Mapping[str, TraitValue]
    timezone: str
    starts_at_ms: int
    currency: str
    file: str
    line: int


def step_events(example: Example) -> list[Event]:
    """Turn an example's steps into events of the customer `example`, in order, with ids `<campaign>-<step>`."""
    steps = enumerate(example.given, 1)
    return [_event(example, number, step) for number, step in steps if step.said is None]


def _event(example: Example, number: int, step: Step) -> Event:
    at_ms = example.starts_at_ms + step.at_ms
    in_store = step.verb in SITE_VERBS
    items: tuple[Item, ...] = ()
    if step.verb in ITEM_VERBS:
        items = (
            Item(
                item_id=step.target,
                name=step.name or None,
                brand=step.brand or None,
                category=step.category or None,
                price_minor=step.price_minor,
                quantity=step.quantity,
            ),
        )
    value_minor = None if step.price_minor is None else step.price_minor * step.quantity
    return Event(
        event_id=f"{example.campaign}-{number}",
        dialect="example",
        kind=ITEM_VERBS.get(step.verb) or SITE_VERBS.get(step.verb) or "app.opened",
        customer_id=CUSTOMER_ID,
        surface="store" if in_store else step.surface,
        occurred_at_ms=at_ms,
        received_at_ms=at_ms,
        items=items,
        currency=example.currency if items else None,
        order_id=f"order-{number}" if step.verb == "order" else None,
        value_minor=value_minor if step.verb == "order" else None,
        site_id=step.target if in_store else None,
        dwell_ms=step.dwell_ms,
    )


def read_examples(fields: Fields, campaign: Campaign) -> tuple[Example, ...]:
    """Read the examples of a campaign's file."""
    nodes = fields.nodes("examples")
    if len(nodes) > EXAMPLES_MAX:
        fields.at("examples", f"has {len(nodes)} examples, {EXAMPLES_MAX} are allowed")
    examples: list[Example] = []
    for node in nodes[:EXAMPLES_MAX]:
        one = Fields(node, fields.findings, EXAMPLE)
        if node.kind == "mapping":
            examples.append(_example(one, campaign))
    names = [example.name for example in examples]
    for example in examples:
        if names.count(example.name) > 1:
            fields.at("examples", f"the name {example.name!r} stands twice")
            break
    _warn_if_one_sided(fields, examples)
    return tuple(examples)


def _warn_if_one_sided(fields: Fields, examples: list[Example]) -> None:
    """Ask for an example of each outcome: a rule whose silence nobody wrote down is a rule nobody thought through."""
    outcomes = {any(not one.campaign for one in example.expect) for example in examples}
    if "examples" in fields and outcomes != {True, False}:
        missing = "a nudge" if True not in outcomes else "a silence"
        node = fields.node
        fields.findings.warn(node.file, node.line_of("examples"), f"examples: none shows {missing}")


def _example(fields: Fields, campaign: Campaign) -> Example:
    consents = fields.texts("consents")
    for consent in consents:
        if consent not in (*CHANNELS, SENSING) and not consent.startswith(CATEGORY_PURPOSE_PREFIX):
            allowed = listed((*CHANNELS, SENSING, f"{CATEGORY_PURPOSE_PREFIX}<name>"))
            fields.at("consents", f"{consent!r} is no consent; allowed are {allowed}")
    currency = fields.text("currency") or "EUR"
    given = fields.nodes("given")
    if len(given) > STEPS_MAX:
        fields.at("given", f"has {len(given)} steps, {STEPS_MAX} are allowed")
    steps = [_step(node, fields.findings, currency) for node in given[:STEPS_MAX]]
    known = [step for step in steps if step is not None]
    for before, after in pairwise(known):
        if after.at_ms < before.at_ms:
            fields.at("given", "the steps are not in the order of their times")
            break
    expected = [
        _expected(Fields(node, fields.findings, EXPECTED), campaign) for node in fields.nodes("expect")
    ]
    return Example(
        campaign=campaign.id,
        name=fields.text("name") or "",
        consents=consents,
        given=tuple(known),
        expect=tuple(one for one in expected if one is not None),
        traits=_traits(fields),
        timezone=fields.text("timezone") or "UTC",
        starts_at_ms=_starts_at_ms(fields),
        currency=currency,
        file=fields.node.file,
        line=fields.node.line,
    )


def _step(node: Node, findings: Findings, currency: str) -> Step | None:
    verbs = [key for key in node.keys if key in VERBS]
    if len(verbs) != 1:
        fields = Fields(node, findings)
        if node.kind == "mapping":
            found = " and ".join(verbs) or "none"
            fields.error(node, f"a step has one verb of {listed(VERBS)}; it has {found}")
        return None
    verb = verbs[0]
    fields = Fields(node, findings, _STEPS[verb])
    at_ms = fields.duration("at")
    target = "" if verb == OPEN else fields.text(verb)
    if at_ms is None or target is None:
        return None
    if verb in CATALOG_VERBS:
        said = read_said(fields, verb, target, _price_minor(fields, currency), currency)
        return Step(at_ms, verb, target, said=said)
    return Step(
        at_ms=at_ms,
        verb=verb,
        target=target,
        name=fields.text("name") or "",
        brand=fields.text("brand") or "",
        category=fields.text("category") or "",
        price_minor=_price_minor(fields, currency),
        quantity=fields.integer("quantity") or 1,
        dwell_ms=fields.duration("for"),
        surface=fields.choice("on") or ("app" if verb == OPEN else "web"),
    )


def _price_minor(fields: Fields, currency: str) -> int | None:
    price: Decimal | None = fields.number("price")
    try:
        return None if price is None else to_minor(price, currency)
    except ValueError as error:
        fields.at("price", str(error))
        return None


def _expected(fields: Fields, campaign: Campaign) -> Expected | None:
    at_ms = fields.duration("at")
    named = fields.text("campaign") or ""
    other = "" if named == campaign.id else named
    # Which of them another campaign uses is known once all are read.
    channels = (CHANNELS, "a channel") if other else (campaign.channels, "a channel of this campaign")
    channel = fields.choice("channel", *channels)
    rung = fields.choice("rung") or ""
    return None if at_ms is None or channel is None else Expected(at_ms, channel, rung, other)


def _traits(fields: Fields) -> dict[str, TraitValue]:
    traits = fields.mapping("traits")
    if traits is None:
        return {}
    return {
        name: value
        for name, node in traits.keys.items()
        if traits.is_name(name) and (value := _trait(node, fields.findings)) is not None
    }


def _trait(node: Node, findings: Findings) -> TraitValue | None:
    if node.kind == "bool":
        return node.raw.lower() == "true"
    if node.kind == "number":
        return float(node.raw) if any(char in node.raw for char in ".eE") else int(node.raw)
    if node.kind == "list":
        return [item.raw for item in node.items if item.kind in ("text", "number")]
    if node.kind == "text":
        return node.raw
    findings.error(node.file, node.line, f"{node.path}: {node} is not a trait's value")
    return None


def _starts_at_ms(fields: Fields) -> int:
    text = fields.text("starts")
    if text is None:
        return STARTS_AT_MS
    try:
        if _STARTS.fullmatch(text):
            return int(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1_000)
    except ValueError:
        pass
    fields.at("starts", f"{text!r} is not a time such as 2026-11-27T11:00Z")
    return STARTS_AT_MS
