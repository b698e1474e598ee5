"""A candidate as its gates see it."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

import msgspec

from streamproc.core.consent_head import ConsentHead
from streamproc.core.context import Profile
from streamproc.core.policy.model import Campaign, Category
from streamproc.core.scene import Scene
from streamproc.core.subject import Subjects
from streamproc.core.switches import Switches

NO_PROFILE = Profile()


class Case(msgspec.Struct, frozen=True, gc=False):
    """One candidate before the gates: the scene, its campaign and category, and what the customer allows.

    `visit` names the visit that the event is about, else the one that the customer is in, empty for none; `profile` is
    what the customer declared, `subjects` all that the message is about.
    """

    scene: Scene
    campaign: Campaign
    category: Category
    consent: ConsentHead
    switches: Switches
    zone: ZoneInfo | None
    visit: str
    profile: Profile
    unpaid: Mapping[str, str]
    subjects: Subjects
