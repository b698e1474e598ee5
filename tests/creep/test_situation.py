"""Where each factor comes from: facts, channel, context and event, and never a number in a campaign."""

from __future__ import annotations

import pytest

from streamproc.core.case import Case as Judged
from streamproc.core.context import Throttle
from streamproc.core.creep.situation import Situation
from streamproc.core.policy.loader import load
from tests.core.shopper import DAY_MS, HOUR_MS, MINUTE_MS, Said, Shopper
from tests.creep.test_laws import THROTTLED, known, weighed

LOOK = THROTTLED["campaigns/look.yaml"]


def factors(said: Said) -> dict[str, float]:
    creep = weighed(said)
    assert creep is not None, said.reasons
    return creep.factors


def as_written(said: Said) -> float:
    creep = weighed(said)
    assert creep is not None, said.reasons
    return creep.tried[0].score if creep.tried else creep.score or 0.0


def mailed(shopper: Shopper) -> Shopper:
    """Leave a customer no channel but e-mail."""
    for channel in ("push", "in_app"):
        shopper.consents(channel, state="withdrawn")
    context = shopper.customer.context
    assert context is not None
    context.throttle = Throttle()
    return shopper


@pytest.mark.parametrize(
    ("surface", "push", "email"),
    [
        ("app", 0.0, 0.35),
        ("web", 0.20, 0.35),
        ("store", 0.45, 0.35),
        ("none", 0.20, 0.35),
        ("email", 0.35, 0.0),
    ],
)
def test_what_was_seen_elsewhere_comes_from_afar(surface: str, push: float, email: float) -> None:
    assert factors(known().views(surface=surface)).get("context_distance", 0) == push
    assert factors(mailed(known()).views(surface=surface)).get("context_distance", 0) == email


def test_an_hour_later_it_is_another_session_of_the_same_surface() -> None:
    shopper = known()
    at_ms = shopper.now_ms - HOUR_MS
    late = factors(shopper.views(surface="app", occurred_at_ms=at_ms))
    assert late["context_distance"] == 0.10
    assert late["staleness"] == pytest.approx(1 - 2 ** (-1 / 24 / 14), abs=1e-5)


def test_what_the_customer_wished_for_has_no_distance_and_no_provenance() -> None:
    wished = factors(known().does("wishlist.added", "coat-1", "coats", surface="web"))
    assert "context_distance" not in wished
    assert "provenance" not in wished


def test_the_shared_are_exposed() -> None:
    shopper = mailed(known())
    assert "exposure" not in factors(shopper.views())
    shopper.tells(shared=("mailbox",))
    shopper.now_ms += 20 * DAY_MS
    assert factors(shopper.views("coat-2"))["exposure"] == 0.70
    device = known()
    device.tells(shared=("device",))
    alone, shared, at_kiosk = known().views(), device.views(), known().views(identity="shared")
    assert as_written(alone) < as_written(shared) == as_written(at_kiosk)


def test_what_was_said_of_a_category_is_repetition_there_and_nowhere_else() -> None:
    shopper = known()
    shopper.views("coat-1", "coats")
    shopper.now_ms += 7 * DAY_MS
    assert factors(shopper.views("coat-2", "coats"))["repetition"] == pytest.approx(1 - 2**-0.25, abs=1e-5)
    shopper.now_ms += DAY_MS
    assert "repetition" not in factors(shopper.does("wishlist.added", "toy-1", "toys"))


def test_a_gift_that_was_bought_may_have_been_the_wish() -> None:
    shopper = known()
    shopper.does("order.completed", "toy-1", "toys", order_id="o-1")
    assert factors(shopper.views("toy-2", "toys"))["invalidity"] == 0.60
    shopper.now_ms += 30 * DAY_MS
    assert "invalidity" not in factors(shopper.views("toy-3", "toys"))


def test_a_message_that_was_waved_away_makes_the_wish_less_likely() -> None:
    shopper = known()
    nudge = shopper.views("coat-1", "coats").nudge
    assert nudge is not None
    shopper.answers("dismissed", nudge.nudge_id)
    shopper.now_ms += 10 * DAY_MS
    assert factors(shopper.views("coat-2", "coats"))["invalidity"] == 0.30


@pytest.mark.interpreted
def test_what_is_vetoed_is_invalid_too_in_case_nobody_asks_for_the_veto(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[float] = []
    init = Situation.__init__

    def look(self: Situation, case: Judged) -> None:
        init(self, case)
        seen.append(self._invalidity)

    monkeypatch.setattr(Situation, "__init__", look)
    monkeypatch.setattr("streamproc.core.candidates.candidate_reasons", lambda _: [])
    bereaved, bought, over = known(), known(), known()
    bereaved.tells(life_events=({"kind": "bereavement"},))
    bereaved.views()
    bought.does("order.completed", "coat-1", "coats", order_id="o-1")
    bought.views("coat-2")
    over.tells(life_events=({"kind": "bereavement", "until_ms": over.now_ms + HOUR_MS},))
    over.now_ms += HOUR_MS
    over.views()
    assert seen == [1.0, 1.0, 0.0]


SENSED = (
    THROTTLED["campaigns/welcome.yaml"]
    .replace("sites: [berlin-1]", "sites: [berlin-1]")
    .replace("category: coats", "category: coats\nreveals: {specificity: category}")
)


@pytest.mark.parametrize(("traits", "share"), [({}, 1.0), ({"in_store_features": True}, 0.5)])
def test_a_sensed_moment_counts_less_for_who_expects_it(traits: dict[str, bool], share: float) -> None:
    shopper = known(load({**THROTTLED, "campaigns/welcome.yaml": SENSED}))
    shopper.consents("*", "sensing")
    shopper.tells(traits=traits)
    shopper.does("beacon.entered", site_id="berlin-1")
    shopper.now_ms += 3 * MINUTE_MS
    shopper.does("beacon.ranged", site_id="berlin-1")
    shopper.now_ms += 3 * MINUTE_MS
    said = shopper.does("beacon.ranged", site_id="berlin-1")
    found = factors(said)
    assert found["immediacy"] == pytest.approx(share, rel=0.2)
    assert found["provenance"] == 0.40


def test_words_that_reveal_more_say_so_and_soft_ones_a_category_at_most() -> None:
    place = LOOK.replace("category: from_item", "category: from_item\nreveals: {specificity: place}")
    shopper = known(load({**THROTTLED, "campaigns/look.yaml": place}))
    creep = weighed(shopper.views(surface="app"))
    assert creep is not None
    assert (creep.rung, creep.factors["specificity"]) == ("soften", 0.25)
    assert creep.tried[0].score > creep.tried[1].score


def test_an_item_and_the_person_are_as_exact_as_a_place() -> None:
    text = LOOK.replace("{item: item.name}", "{item: item.name, size: trait.size}").replace(
        "{{ item }} is here.", "{{ item }} in {{ size }} is here."
    )
    campaign = load({**THROTTLED, "campaigns/look.yaml": text}).campaigns["look"]
    copy = campaign.content["en"]["push"]
    assert (copy.say.specificity, copy.soft.specificity) == ("place", "none")
