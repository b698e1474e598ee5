"""How creepy a campaign's words would be to the customer of an example, on each channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamproc.core.candidates import category_of
from streamproc.core.case import NO_PROFILE, Case
from streamproc.core.consent_head import NO_CONSENT
from streamproc.core.creep.factors import softened
from streamproc.core.creep.ladder import QUIETER, SEND, SILENCE, SOFTEN
from streamproc.core.creep.mood import mood_of
from streamproc.core.creep.rung import highest_rung
from streamproc.core.creep.score import contributions, score
from streamproc.core.creep.situation import Situation
from streamproc.core.decision import Creep
from streamproc.core.policy.model import TRANSACTIONAL
from streamproc.core.subjects import subjects_of
from streamproc.core.switches import Switches

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamproc.core.policy.model import Campaign
    from streamproc.core.scene import Scene

CAUSES_SHOWN = 3


class Scores:
    """The score of each channel's words, as written and softened, for the customer of one scene."""

    def __init__(self, scene: Scene, campaign: Campaign) -> None:
        """Weigh all words of a campaign in the language of its policy."""
        self._campaign = campaign
        self._policy = scene.policy
        self._category = category_of(scene, campaign)
        case = Case(
            scene=scene,
            campaign=campaign,
            category=self._category,
            consent=NO_CONSENT,
            switches=Switches(),
            zone=scene.zone,
            visit="",
            profile=scene.context.profile or NO_PROFILE,
            unpaid={},
            subjects=subjects_of(scene, campaign, self._category),
        )
        situation, model = Situation(case), scene.policy.creep
        self._mood = mood_of(scene.context, model, scene.now_ms)
        self.of: dict[tuple[str, str], float] = {}
        self._causes: dict[tuple[str, str], Mapping[str, float]] = {}
        if campaign.purpose == TRANSACTIONAL:
            return
        for name in campaign.channels:
            copy = campaign.content[scene.policy.locale][name]
            written = situation.factors(scene.policy.channels[name], copy.say)
            for rung, factors in ((SEND, written), (SOFTEN, softened(written, model.scales))):
                found = score(model, factors, self._mood.wariness)
                self.of[name, rung] = found
                self._causes[name, rung] = contributions(model, factors, found)

    def said(self, first: str) -> tuple[Creep, str]:
        """Return how this customer would be spoken to if `first` were the loudest channel that may, and why."""
        if not self.of:
            return Creep(SEND), "it is about an order, so it is not weighed"
        names = self._campaign.channels[self._campaign.channels.index(first) :]
        steps = [(first, SEND)] if highest_rung(self._category) == SEND else []
        steps += [(name, SOFTEN) for name in names]
        bounds = self._mood.bounds
        for name, rung in steps:
            found = self.of[name, rung]
            if found <= min(bounds.limit, bounds.room):
                named = QUIETER if name != first else rung
                return Creep(
                    named, found
                ), f"{found:.2f} <= {bounds.limit:.2f} on {name}: {self._why(name, rung)}"
        name, rung = steps[-1]
        return Creep(
            SILENCE, self.of[name, rung]
        ), f"nothing is below {bounds.limit:.2f}: {self._why(name, rung)}"

    def _why(self, name: str, rung: str) -> str:
        """Name the greatest causes."""
        causes = list(self._causes[name, rung].items())[:CAUSES_SHOWN]
        return ", ".join(f"{cause} {part:.2f}" for cause, part in causes) or "no cause"
