"""Which words a candidate may say, and on which channel: the ladder of the throttle, with what can be rendered."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2
from typing import TYPE_CHECKING, Final

import msgspec

from streamproc.core.channels.message import Frame, RenderCode, RenderError
from streamproc.core.creep.factors import deferred, softened, waited
from streamproc.core.creep.ladder import DEFER, QUIETER, SEND, SILENCE, SOFTEN, Ladder, Step
from streamproc.core.creep.mood import Mood, mood_of
from streamproc.core.creep.rung import highest_rung
from streamproc.core.creep.score import DIGITS, contributions
from streamproc.core.creep.situation import Situation
from streamproc.core.decision import Tried, Weighed
from streamproc.core.deferral import put_off
from streamproc.core.digests import nudge_id
from streamproc.core.gates import is_private
from streamproc.core.policy.model import TRANSACTIONAL, Text
from streamproc.core.reasons import Gate, Why
from streamproc.core.render import content_locale, frame_of, render

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from streamproc.core.case import Case
    from streamproc.core.creep.factors import Factors
    from streamproc.core.creep.model import Model
    from streamproc.core.deferral import Deferral
    from streamproc.core.policy.model import Channel
    from streamproc.core.values import FactValue

_WORDLESS: Final = Text({}, {})


@dataclass(frozen=True)
class Choice:
    """The channel and words that a candidate may use, and how creepy they are."""

    case: Case
    channel: Channel
    creep: Weighed
    content: dict[str, object]
    frame: Frame

    @property
    def spent(self) -> Weighed:
        """Return how it was weighed, with the level of the customer's budget after it was said."""
        creep = self.creep
        if creep.score is None or creep.level_before is None:
            return creep
        return msgspec.structs.replace(creep, level_after=round(creep.level_before + creep.score, DIGITS))


@dataclass(frozen=True)
class Silence:
    """Why nothing may be said; `creep` where it is because of the throttle.

    `later` is where and when it may be said at a better moment.
    """

    creep: Weighed | None = None
    later: Deferral | None = None


class Voice:
    """One candidate that passed every gate of its own, looking for words on the channels that may speak."""

    def __init__(self, case: Case, reasons: list[Why]) -> None:
        """Begin; why words cannot be said goes to `reasons`."""
        self._case = case
        self._reasons = reasons
        scene = case.scene
        self._values: Mapping[str, FactValue] = {
            name: value for name, read in case.campaign.facts.items() if (value := read(scene)) is not None
        }

    def find(self, channels: Iterable[Channel]) -> Choice | Silence:
        """Return what may be said on the first of these channels, loud to quiet, on which something may be."""
        if self._is_untrue():
            return Silence()
        if self._case.campaign.purpose == TRANSACTIONAL:
            return self._as_ordered(channels)
        return self._throttled(channels)

    def _is_untrue(self) -> bool:
        """Tell whether the reason that all words carry, soft ones too, is not true of this customer now."""
        scene, proofs = self._case.scene, self._case.campaign.about.proofs
        unknown = [code for code, is_true in proofs if not is_true(scene)]
        self._reasons += [Why(Gate.FACT_MISSING, f"because: {code}") for code in unknown]
        return bool(unknown)

    def _as_ordered(self, channels: Iterable[Channel]) -> Choice | Silence:
        """Find words for a message about an order: it is no offer, so it is not weighed and costs nothing."""
        highest = highest_rung(self._case.category)
        for channel in channels:
            failure: Why | None = None
            for rung in (SEND, SOFTEN) if highest == SEND else (SOFTEN,):
                said = self._worded(channel, rung, Weighed(rung=rung))
                if isinstance(said, Choice):
                    return said
                failure = said
            if failure is not None:
                self._reasons.append(failure)
        return Silence()

    def _throttled(self, channels: Iterable[Channel]) -> Choice | Silence:
        scene = self._case.scene
        model = scene.policy.creep
        mood = mood_of(scene.context, model, scene.now_ms)
        situation = Situation(self._case)
        ladder = Ladder(model, mood.wariness)
        highest = highest_rung(self._case.category)
        if scene.timer is not None and scene.timer.eased:
            return self._promised(channels, model, mood, ladder, situation)
        soft: list[tuple[Channel, Factors]] = []
        for channel in channels:
            written, failure = situation.factors(channel, self._written(channel)), None
            for rung in (SOFTEN,) if ladder.offered or highest == SOFTEN else (SEND, SOFTEN):
                factors = softened(written, model.scales) if rung == SOFTEN else written
                named = QUIETER if rung == SOFTEN and _is_lower(ladder, channel) else rung
                step = ladder.offer(named, channel.name, factors)
                if step is None or not mood.bounds.fits(step):
                    if rung == SOFTEN:
                        soft.append((channel, factors))
                    continue
                said = self._worded(channel, rung, _weighed(model, mood, ladder, step))
                if isinstance(said, Choice):
                    return said
                failure = said
                ladder.drop()
            if failure is not None:
                self._reasons.append(failure)
        if not ladder.offered:
            return Silence()
        return self._put_off(model, mood, ladder, soft) or self._silence(model, mood, ladder)

    def _promised(
        self,
        channels: Iterable[Channel],
        model: Model,
        mood: Mood,
        ladder: Ladder,
        situation: Situation,
    ) -> Choice | Silence:
        """Say what was put off, as the last step of the ladder had it: soft words, on the quietest that holds any.

        They are weighed as they were then, apart from the hour: that is the one which it is now.
        """
        for channel in [one for one in channels if one.hold_max_ms][::-1]:
            written = situation.factors(channel, self._written(channel))
            factors = waited(softened(written, model.scales), model.scales)
            step = ladder.offer(DEFER, channel.name, factors)
            if step is None or not mood.bounds.fits(step):
                continue
            said = self._worded(channel, SOFTEN, _weighed(model, mood, ladder, step))
            if isinstance(said, Choice):
                return said
            self._reasons.append(said)
            ladder.drop()
        return self._silence(model, mood, ladder) if ladder.offered else Silence()

    def _put_off(
        self, model: Model, mood: Mood, ladder: Ladder, soft: Sequence[tuple[Channel, Factors]]
    ) -> Silence | None:
        """Put soft words off to calm hours, on the quietest channel that holds them so long; None if they fit not then.

        Where none does, there is no such step.
        """
        for channel, factors in reversed(soft):
            if (later := put_off(self._case, channel)) is None:
                continue
            step = ladder.offer(DEFER, channel.name, deferred(factors, model.scales))
            if step is None or not mood.bounds.fits(step):
                return None
            detail = f"{channel.name}: {step.score:.3f} at a better moment"
            self._reasons.append(Why(Gate.CREEP, detail, later.opens_ms))
            return Silence(_weighed(model, mood, ladder, step), later)
        return None

    def _silence(self, model: Model, mood: Mood, ladder: Ladder) -> Silence:
        """Say that nothing fits."""
        step = ladder.offered[-1]
        self._reasons.append(_too_much(model, mood, step, self._case.scene.now_ms))
        step = msgspec.structs.replace(step, rung=SILENCE)
        return Silence(_weighed(model, mood, ladder, step))

    def _written(self, channel: Channel) -> Text:
        """Return the words for a channel as written; none at all where there are none: rendering says so."""
        campaign = self._case.campaign
        locale = content_locale(campaign, channel.name, self._locale)
        copy = campaign.content.get(locale, {}).get(channel.name)
        return _WORDLESS if copy is None else copy.say

    @property
    def _locale(self) -> str:
        return self._case.profile.locale or self._case.scene.policy.locale

    def _discreet(self) -> Mapping[str, FactValue]:
        """Return the facts that soft words may use: none that calls something private by its name."""
        case = self._case
        private = {told.fact for told in case.subjects.told if is_private(told.category)}
        if is_private(case.category):
            private.update(case.campaign.about.called)
        kept_back = private.intersection(case.campaign.about.called)
        return {fact: value for fact, value in self._values.items() if fact not in kept_back}

    def _worded(self, channel: Channel, rung: str, creep: Weighed) -> Choice | Why:
        """Write the message, or say why it cannot be written."""
        scene, campaign = self._case.scene, self._case.campaign
        nudge = nudge_id(scene.event.customer_id, scene.event.event_id)
        frame = frame_of(scene.policy, campaign, channel, self._case.profile.locale, nudge, scene.now_ms)
        try:
            values = self._discreet() if rung == SOFTEN and campaign.about.called else self._values
            content = render(campaign, channel, rung, values, frame)
        except RenderError as error:
            missing = error.code == RenderCode.FACT_MISSING
            return Why(Gate.FACT_MISSING if missing else Gate.COPY_FAILED, f"{channel.name}: {error}")
        return Choice(self._case, channel, creep, content, frame)


def _is_lower(ladder: Ladder, channel: Channel) -> bool:
    """Tell whether this channel is not the first one that was weighed."""
    return bool(ladder.offered) and ladder.offered[0].channel != channel.name


def _weighed(model: Model, mood: Mood, ladder: Ladder, step: Step) -> Weighed:
    """Write down how one step was weighed, and what was before it on the ladder."""
    parts = contributions(model, step.factors, step.score)
    before = [Tried(one.channel, one.rung, one.score) for one in ladder.offered]
    factors = msgspec.structs.asdict(step.factors)
    return Weighed(
        rung=step.rung,
        score=step.score,
        limit=model.limit,
        room=round(mood.bounds.room, DIGITS),
        wariness=mood.wariness,
        factors={name: round(value, DIGITS) for name, value in factors.items() if value},
        contributions=_rounded(parts, step.score),
        level_before=mood.level,
        tried=before if len(before) > 1 else [],
    )


def _rounded(parts: Mapping[str, float], total: float) -> dict[str, float]:
    """Round the parts so that they still add up to the score: the greatest, which is first, takes what is over."""
    rounded = {name: round(part, DIGITS) for name, part in parts.items()}
    if rounded:
        first = next(iter(rounded))
        rounded[first] = round(rounded[first] + total - sum(rounded.values()), DIGITS)
    return rounded


def _too_much(model: Model, mood: Mood, step: Step, now_ms: int) -> Why:
    """Name the numbers compared, and when the budget alone would have room again."""
    bounds = mood.bounds
    said = f"{step.channel} {step.rung}: {step.score:.3f}"
    if step.score > bounds.limit:
        return Why(Gate.CREEP, f"{said} > limit {bounds.limit:g}")
    detail = f"{said} > room {bounds.room:.3f}"
    spare = model.capacity - step.score
    if spare <= 0:
        return Why(Gate.CREEP, detail)
    waits_ms = model.half_life_ms * log2(mood.level / spare)
    return Why(Gate.CREEP, detail, now_ms + max(1, ceil(waits_ms)))
