"""What it costs to weigh one variant of a message: its factors, and its score."""

from __future__ import annotations

import time
from typing import Final

from benchmarks.workload import DAY_MS
from streamproc.core.candidates import category_of, scene_of
from streamproc.core.case import NO_PROFILE, Case
from streamproc.core.consent_head import NO_CONSENT
from streamproc.core.context import Charge, Context, Profile
from streamproc.core.creep.score import score
from streamproc.core.creep.situation import Situation
from streamproc.core.event import Event, Item
from streamproc.core.occasion import Occasion
from streamproc.core.policy.model import Policy
from streamproc.core.subjects import subjects_of
from streamproc.core.switches import Switches
from streamproc.ops.policy_files import load_folder
from streamproc.shipped import shipped_folder

NOON_MS: Final = 1_795_777_200_000  # in Berlin
ROUNDS: Final = 50_000
CAMPAIGN: Final = "second_look"


def costs() -> dict[str, float]:
    """Return microseconds of CPU time: of the score alone, and of one variant with its factors."""
    policy = load_folder(shipped_folder("policy"))
    channel = policy.channels["push"]
    text = policy.campaigns[CAMPAIGN].content[policy.locale]["push"].say
    situation = Situation(_case(policy))
    factors = situation.factors(channel, text)
    begun = time.process_time()
    for _ in range(ROUNDS):
        score(policy.creep, factors, 1.2)
    scored = time.process_time()
    for _ in range(ROUNDS):
        score(policy.creep, situation.factors(channel, text), 1.2)
    done = time.process_time()
    return {
        "throttle: the score of a variant": (scored - begun) / ROUNDS * 1e6,
        "throttle: a variant with its factors": (done - scored) / ROUNDS * 1e6,
    }


def _case(policy: Policy) -> Case:
    item = Item("coat-1", name="Wool coat", category="coats")
    event = Event(
        event_id="e-1",
        dialect="segment",
        kind="product.viewed",
        customer_id="c-1",
        surface="web",
        occurred_at_ms=NOON_MS,
        received_at_ms=NOON_MS,
        items=(item,),
    )
    spent = Charge(NOON_MS - DAY_MS, NOON_MS + DAY_MS, b"n" * 16, b"e" * 8, "push", CAMPAIGN, "coats")
    context = Context(customer_id="c-1", profile=Profile(zone="Europe/Berlin"), charges=[spent])
    scene = scene_of(context, Occasion(event, ()), policy, NOON_MS)
    campaign = policy.campaigns[CAMPAIGN]
    category = category_of(scene, campaign)
    return Case(
        scene=scene,
        campaign=campaign,
        category=category,
        consent=NO_CONSENT,
        switches=Switches(),
        zone=scene.zone,
        visit="",
        profile=context.profile or NO_PROFILE,
        unpaid={},
        subjects=subjects_of(scene, campaign, category),
    )
