"""A campaign as customers would see it: on each channel, as written and softened, with the facts of its examples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from streamproc.core.arrival import Rules
from streamproc.core.candidates import ABOUT_NOTHING, category_of, find_candidates
from streamproc.core.channels.message import Frame, RenderCode, RenderError
from streamproc.core.context import Context
from streamproc.core.creep.ladder import SEND, SOFTEN
from streamproc.core.creep.rung import highest_rung
from streamproc.core.decision import Creep
from streamproc.core.event import BEACON_KINDS, Event
from streamproc.core.facts import ProfileChange
from streamproc.core.facts_paths import TRAIT_PREFIX
from streamproc.core.item_news import Word, event_of, news_of
from streamproc.core.locales import fallbacks, speech
from streamproc.core.memory import apply_moment, apply_profile
from streamproc.core.occasion import Occasion
from streamproc.core.occasions import occasions_of
from streamproc.core.policy.document import read
from streamproc.core.policy.examples import CUSTOMER_ID, Example, step_events
from streamproc.core.policy.loader import Loaded
from streamproc.core.policy.model import DEFAULT_CATEGORY, FROM_ITEM, Campaign, Category, Channel, Policy
from streamproc.core.policy.problems import Findings
from streamproc.core.preview_score import Scores
from streamproc.core.render import frame_of, render
from streamproc.core.scene import Scene
from streamproc.core.sensing import occasions_of_beacon, occasions_of_silence
from streamproc.core.switches import Switches
from streamproc.core.values import FactValue, Money, Term
from streamproc.core.visits import VISIT_MS_MAX, due_ms

# What stands for a fact that no example tells. A trait is called by its own name.
SAMPLES: Final[Mapping[str, FactValue]] = {
    "item.id": "coat-1",
    "item.name": "Wool coat",
    "item.brand": "Birch & Co",
    "item.price": Money(149_00, "EUR"),
    "item.price_now": Money(119_00, "EUR"),
    "item.price_before": Money(149_00, "EUR"),
    "cart.last.name": "Wool coat",
    "cart.last.brand": "Birch & Co",
    "cart.count": 2,
    "cart.value": Money(238_00, "EUR"),
    "wishlist.last.name": "Wool coat",
    "wishlist.last.brand": "Birch & Co",
    "wishlist.count": 3,
    "visit.site": "berlin-1",
    "site.closes": "20:00",
    "campaign.until": date(2026, 11, 30),
}
# They are those of the policy, so that they have its names.
OF_CATEGORY: Final = ("item.category", "interest.top_category")
SAMPLE_NUMBER: Final = 3  # for a trait whose text counts something
NUDGE_ID: Final = "preview"
BEFORE_MS: Final = 60_000


@dataclass(frozen=True)
class ShownFact:
    """A fact that the words may use. `example` is the name of the example that it comes from, empty for a sample."""

    name: str
    path: str
    value: FactValue
    example: str

    def text(self, locale: str) -> str:
        """Write the value as texts in this language would."""
        if isinstance(self.value, Term):
            return next((self.value.names[one] for one in fallbacks(locale) if one in self.value.names), "")
        return speech(locale).say(self.value)


@dataclass(frozen=True)
class Variant:
    """The words of one rung: the `content` of a nudge, or why there is none (`problem`).

    `score` is how creepy they would be to the example's customer; None where there is none to weigh.
    """

    rung: str
    content: Mapping[str, object] | None
    problem: str = ""
    score: float | None = None


@dataclass(frozen=True)
class ShownChannel:
    """What one channel would show. `locale` is the language spoken there, which may not be the one asked for."""

    channel: Channel
    locale: str
    reason: str
    labels: Mapping[str, str]
    controls: Mapping[str, str]
    variants: tuple[Variant, ...]


@dataclass(frozen=True)
class Preview:
    """One campaign as customers see it. `creep` is the rung that the example's customer would get, `why` says why."""

    campaign: Campaign
    category: str
    example: str
    creep: Creep
    why: str
    facts: tuple[ShownFact, ...]
    channels: tuple[ShownChannel, ...]


def preview(loaded: Loaded, name: str, locale: str = "") -> Preview:
    """Show a campaign of a policy in a language, the default one unless given.

    The customer and the facts are those of its first example that expects a message. What no example tells, a sample
    stands for.
    """
    policy = loaded.policy
    campaign = policy.campaigns[name]
    example, scene = _scene(policy, campaign, loaded.examples.get(name, ()))
    facts = tuple(
        _fact(policy, campaign, fact, path, scene, example) for fact, path in _paths(policy, campaign).items()
    )
    category = category_of(scene, campaign) if scene is not None else _usual_category(policy, campaign)
    creep, why = Creep(highest_rung(category)), _why(category)
    scores = Scores(scene, campaign) if scene is not None else None
    if scores is not None and category.name != DEFAULT_CATEGORY:
        creep, why = scores.said(_loudest(campaign, loaded.examples.get(name, ()), example))
    channels = tuple(
        _channel(policy, campaign, policy.channels[one], facts, locale, scores) for one in campaign.channels
    )
    called = category.name or "none"
    return Preview(campaign, called, example, creep, why, facts, channels)


def _loudest(campaign: Campaign, examples: tuple[Example, ...], named: str) -> str:
    """Return the loudest channel of a campaign that the customer of an example agreed to."""
    agreed = next((one.consents for one in examples if one.name == named), ())
    return next((name for name in campaign.channels if name in agreed), campaign.channels[0])


def _scene(policy: Policy, campaign: Campaign, examples: tuple[Example, ...]) -> tuple[str, Scene | None]:
    """Find the first event that makes the campaign a candidate, first in the examples that expect a message."""
    for example in sorted(examples, key=lambda one: not one.expect):
        context = Context(customer_id=CUSTOMER_ID, since_ms=example.starts_at_ms)
        at_ms = example.starts_at_ms - BEFORE_MS
        told = ProfileChange(CUSTOMER_ID, at_ms, timezone=example.timezone, traits=dict(example.traits))
        apply_profile(context, told, policy, lambda _: True)
        events = sorted((*step_events(example), *_news(example)), key=lambda one: one.occurred_at_ms)
        for event, next_ms in zip(events, [*(one.received_at_ms for one in events[1:]), None], strict=True):
            apply_moment(context, event, policy, lambda _: True, event.received_at_ms)
            for now_ms, occasions in _occasions(context, event, policy, next_ms):
                for one in find_candidates(context, occasions, policy, now_ms):
                    met = (*one.campaigns, *one.waiting)
                    if any(each.id == campaign.id for each in met) and _speaks(campaign, one.scene):
                        return example.name, one.scene
    return "", None


def _occasions(
    context: Context, event: Event, policy: Policy, next_ms: int | None
) -> Iterator[tuple[int, Sequence[Occasion]]]:
    """Yield what an event gives reason to ask campaigns about, and when, for a customer who may be sensed.

    What is over before the next event at `next_ms` (None: there is none) ends by itself.
    """
    if event.kind not in BEACON_KINDS:
        yield event.received_at_ms, occasions_of(event, policy)
        return
    rules = Rules(policy, Switches(), 0, VISIT_MS_MAX)
    yield event.received_at_ms, occasions_of_beacon(context, event, rules, event.received_at_ms)
    ends_ms = due_ms(context.visit, policy.overall.visits)
    if ends_ms is not None and (next_ms is None or ends_ms <= next_ms):
        yield ends_ms, occasions_of_silence(context, event, rules, ends_ms)


def _news(example: Example) -> Iterable[Event]:
    """Make of what the shop says in an example the news that a customer hears who watches the item."""
    words: dict[str, Word] = {}
    for number, step in enumerate(example.given):
        change = None if step.said is None else step.said.change(example.starts_at_ms + step.at_ms)
        if step.said is None or change is None:
            continue
        key = step.said.key
        words[key], news = news_of(words.get(key, Word()), change, f"{number}")
        if news is not None:
            yield event_of(news, CUSTOMER_ID)


def _speaks(campaign: Campaign, scene: Scene) -> bool:
    """Tell whether a campaign would speak, one that waits when its time has come; the scene is that of this moment."""
    if campaign.wait is None:
        return True
    scene.now_ms += campaign.wait.ms
    return campaign.still is None or campaign.still(scene)


def _paths(policy: Policy, campaign: Campaign) -> dict[str, str]:
    """Return the facts that the campaign's file declares: name to path."""
    node = read(campaign.file, policy.files[campaign.file], Findings())
    facts = node.keys.get("facts") if node is not None else None
    return {name: one.raw for name, one in facts.keys.items()} if facts is not None else {}


def _fact(
    policy: Policy, campaign: Campaign, name: str, path: str, scene: Scene | None, example: str
) -> ShownFact:
    value = campaign.facts[name](scene) if scene is not None else None
    if value is not None:
        return ShownFact(name, path, value, example)
    return ShownFact(name, path, _sample(policy, path), "")


def _sample(policy: Policy, path: str) -> FactValue:
    if path in OF_CATEGORY:
        return Term(next(iter(policy.categories.values())).names) if policy.categories else "coats"
    return SAMPLES.get(path) or path.removeprefix(TRAIT_PREFIX).replace("_", " ")


def _usual_category(policy: Policy, campaign: Campaign) -> Category:
    """Return the category of a message where no example shows one: for an item's, any that is known."""
    if campaign.category == FROM_ITEM:
        return next(iter(policy.categories.values()), policy.default_category)
    return policy.categories.get(campaign.category, ABOUT_NOTHING)


def _why(category: Category) -> str:
    if category.name == DEFAULT_CATEGORY:
        return "the item is in no group of categories.yaml, so only soft words are sent"
    return "no example shows a customer to weigh it for"


def _channel(
    policy: Policy,
    campaign: Campaign,
    channel: Channel,
    facts: tuple[ShownFact, ...],
    locale: str,
    scores: Scores | None,
) -> ShownChannel:
    frame = frame_of(policy, campaign, channel, locale, NUDGE_ID, 0)
    found = {} if scores is None else scores.of
    variants = tuple(
        replace(_variant(campaign, channel, rung, facts, frame), score=found.get((channel.name, rung)))
        for rung in (SEND, SOFTEN)
    )
    labels = campaign.labels.get(frame.locale, {})
    return ShownChannel(channel, frame.locale, frame.reason, labels, frame.controls, variants)


def _variant(
    campaign: Campaign, channel: Channel, rung: str, facts: tuple[ShownFact, ...], frame: Frame
) -> Variant:
    values = {fact.name: fact.value for fact in facts}
    counted = {
        fact.name: SAMPLE_NUMBER for fact in facts if not fact.example and fact.path.startswith(TRAIT_PREFIX)
    }
    try:
        return Variant(rung, render(campaign, channel, rung, values, frame))
    except RenderError as error:
        if error.code != RenderCode.TEMPLATE_FAILED or not counted:
            return Variant(rung, None, str(error))
    try:
        return Variant(rung, render(campaign, channel, rung, {**values, **counted}, frame))
    except RenderError as error:
        return Variant(rung, None, str(error))
