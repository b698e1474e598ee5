"""Conditions and rankings in Python: what they are given, and what becomes of those that misbehave."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Literal

import pytest

from streamproc.core.context import Context, Line, Profile, Remembered, RememberedItem, Visit
from streamproc.core.event import Item
from streamproc.core.plugin_view import Contender, View
from streamproc.core.plugins import Plugin, Plugins, PluginUnusable
from streamproc.core.policy.loader import load, load_all
from streamproc.core.policy.model import Policy
from streamproc.core.policy.plugin_arguments import shape_of
from streamproc.core.policy.problems import PolicyErrors
from streamproc.core.policy.unplug import troubles, unplug
from streamproc.core.rank import Found, outranked_by, rank
from streamproc.flow.config_feed import ConfigFeed
from streamproc.plugin_watch import CALLS, SECONDS_MAX, SLOW_CALLS_MAX, PluginWatch
from streamproc.testing import Harness
from tests.policy.rules import NOW_MS, event, scene
from tests.policy.samples import CAMPAIGN, CHANNELS, FILES, with_when

COAT = {"product_id": "c-1", "name": "Wool coat", "category": "coats"}


def plugin(function: Callable[..., object], given: int = 1, **declared: Any) -> Plugin:
    return Plugin(function.__name__, function, shape_of(function, given, "A rule."), **declared)


def plugins(*conditions: Plugin, rankings: Sequence[Plugin] = ()) -> Plugins:
    return Plugins(
        {one.name: lambda one=one: one for one in conditions},  # type: ignore[misc]
        {one.name: lambda one=one: one for one in rankings},  # type: ignore[misc]
    )


def policy_of(when: str, *conditions: Plugin) -> Policy:
    return load(with_when(when), plugins=plugins(*conditions))


def holds(when: str, *conditions: Plugin, context: Context | None = None) -> bool:
    return policy_of(when, *conditions).campaigns["look"].when(scene(event(Item("c-1")), context=context))


def rainy(
    view: View,
    *,
    days: int,
    share: float = 0.5,
    within: timedelta = timedelta(hours=1),
    where: tuple[str, ...] = ("berlin",),
    kind: Literal["rain", "snow"] = "rain",
    heavy: bool = False,
    note: str = "-",
) -> bool:
    assert view.kind == "product.viewed"
    return (days, share, within, where, kind, heavy, note) == (
        *(3, 0.25, timedelta(days=2), ("bonn", "kiel"), "snow", True, "x"),
    )


def test_a_condition_gets_its_arguments_as_its_types_have_them() -> None:
    given = "days: 3, share: 0.25, within: 2d, where: [bonn, kiel], kind: snow, heavy: true, note: x"
    assert holds(f"{{plugin.rainy: {{{given}}}}}", plugin(rainy))
    assert not holds("{plugin.rainy: {days: 3}}", plugin(rainy))
    assert holds("{not: {plugin.rainy: {days: 3}}}", plugin(rainy))


ARGUMENTS = "days, share, within, where, kind, heavy, note"


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (
            "{plugin.rany: {days: 3}}",
            "when.plugin.rany: no plug-in 'rany' is installed; installed are rainy; did you mean 'rainy'?",
        ),
        ("{plugin.rainy: {}}", "when.plugin.rainy.days: is required"),
        ("{plugin.rainy: {days: 3.5}}", "when.plugin.rainy.days: 3.5 is not a whole number"),
        ("{plugin.rainy: {days: many}}", "when.plugin.rainy.days: 'many' is not a number"),
        (
            "{plugin.rainy: {days: 3, witin: 2d}}",
            f"when.plugin.rainy.witin: unknown key; allowed are {ARGUMENTS}; did you mean 'within'?",
        ),
        (
            "{plugin.rainy: {days: 3, within: 2}}",
            "when.plugin.rainy.within: '2' is not a duration; write a number and a unit, such as 30m, 12h or 7d",
        ),
        (
            "{plugin.rainy: {days: 3, kind: hail}}",
            "when.plugin.rainy.kind: 'hail' is not allowed; allowed are rain, snow",
        ),
        ("{plugin.rainy: 3}", "when.plugin.rainy: '3' is not a mapping"),
        ("{plugin.broken: {}}", "when.plugin.broken: the plug-in broken cannot be used: it fell over"),
    ],
)
def test_a_mistake_in_its_use_is_named_with_file_and_line(when: str, expected: str) -> None:
    def broken() -> Plugin:
        raise PluginUnusable("it fell over")

    installed = {"rainy": lambda: plugin(rainy)} | ({"broken": broken} if "broken" in when else {})
    with pytest.raises(PolicyErrors) as refused:
        load(with_when(when), plugins=Plugins(installed))
    assert f"campaigns/look.yaml:6: {expected}" in [str(error) for error in refused.value.errors]


def no_view() -> bool:
    return True


def positional(view: View, days: int) -> bool:
    return True


def untyped(view: View, *, days) -> bool:  # type: ignore[no-untyped-def]  # noqa: ANN001
    return True


def listed(view: View, *, days: list[int]) -> bool:
    return True


def swallowing(view: View, **days: int) -> bool:
    return True


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (no_view, "must take 1 positional argument first"),
        (positional, "its argument days must be keyword-only"),
        (untyped, "its argument days must be annotated as bool, int, float"),
        (listed, "its argument days must be annotated as bool, int, float"),
        (swallowing, "its argument days must be keyword-only"),
    ],
)
def test_a_signature_that_a_policy_cannot_fill_is_refused(
    function: Callable[..., object], expected: str
) -> None:
    with pytest.raises(PluginUnusable, match=expected):
        shape_of(function, 1, "A rule.")


def raises(_view: View) -> bool:
    raise KeyError("c-17 lives in Bonn")


def exits(_view: View) -> bool:
    raise SystemExit(1)


def answers_text(_view: View) -> bool:
    return "yes"  # type: ignore[return-value]


def answers_nothing(_view: View) -> bool:
    return None  # type: ignore[return-value]


@pytest.mark.parametrize("function", [raises, exits, answers_text, answers_nothing])
def test_what_fails_decides_nothing_not_even_under_not(function: Callable[..., object]) -> None:
    name = f"plugin.{function.__name__}"
    for when in (
        f"{{{name}: {{}}}}",
        f"{{not: {{{name}: {{}}}}}}",
        f"{{any: [{{{name}: {{}}}}, {{not: {{{name}: {{}}}}}}]}}",
    ):
        assert not holds(when, plugin(function))
    assert holds(f"{{any: [{{{name}: {{}}}}, {{surface: {{in: web}}}}]}}", plugin(function))


def test_a_condition_is_asked_last_and_once_an_event() -> None:
    asked = []

    def counted(_view: View) -> bool:
        asked.append(1)
        return False

    held = "{any: [{plugin.counted: {}}, {not: {plugin.counted: {}}}]}"
    assert holds(held, plugin(counted))
    assert len(asked) == 1
    assert not holds("{all: [{plugin.counted: {}}, {surface: {in: app}}]}", plugin(counted))
    assert len(asked) == 1


def test_the_view_shows_the_customer_and_cannot_be_written_to() -> None:
    seen: list[View] = []

    def look(view: View) -> bool:
        seen.append(view)
        return True

    context = Context(
        customer_id="c",
        cart=[Line(1, RememberedItem("c-1"))],
        profile=Profile(traits={"sizes": ["s", "m"], "diet": "vegan"}),
        visit=Visit("berlin-1", NOW_MS, NOW_MS),
    )
    assert holds("{plugin.look: {}}", plugin(look), context=context)
    (view,) = seen
    assert (view.now_ms, view.kind, view.surface, view.item) == (
        NOW_MS,
        "product.viewed",
        "web",
        RememberedItem("c-1"),
    )
    assert (view.category, view.category_of("Coats/Long"), view.cart) == (
        "default",
        "coats",
        tuple(context.cart),
    )
    assert dict(view.traits) == {"sizes": ("s", "m"), "diet": "vegan"}
    for name in [name for name in dir(View) if not name.startswith("_")]:
        with pytest.raises(AttributeError):
            setattr(view, name, 1)
    with pytest.raises(TypeError):
        view.traits["diet"] = "meat"  # type: ignore[index]
    with pytest.raises(TypeError):
        view.extra["coupon"] = "x"  # type: ignore[index]


def test_what_beacons_heard_is_shown_only_to_whoever_declares_it_and_needs_consent_to_sensing() -> None:
    def heard(view: View, *, visit: bool) -> bool:
        if visit:
            return view.visit is not None
        return any(one.kind == "visit.started" for one in view.recent)

    shy, curious = plugin(heard), plugin(heard, sensed=True, reads=frozenset({"visit.started"}))
    recent = [Remembered(NOW_MS, "visit.started", (), "berlin-1")]
    for one, expected, what in (
        (shy, False, "true"),
        (shy, False, "false"),
        (curious, True, "true"),
        (curious, True, "false"),
    ):
        policy = policy_of(f"{{plugin.heard: {{visit: {what}}}}}", one)
        asked = scene(event(), list(recent), context=Context(visit=Visit("berlin-1", NOW_MS, NOW_MS)))
        assert policy.campaigns["look"].when(asked) is expected
        assert policy.campaigns["look"].sensed is expected
    assert policy_of("{not: {plugin.heard: {visit: true}}}", curious).campaigns["look"].sensed


def test_the_kinds_that_it_reads_are_remembered_and_its_window_must_warm_up() -> None:
    def reads(_view: View) -> bool:
        return True

    declared = plugin(reads, reads=frozenset({"app.opened"}), within_ms=5 * 86_400_000)
    files = with_when("{plugin.reads: {}}")
    files["campaigns/look.yaml"] = files["campaigns/look.yaml"].replace("[viewed]", "[opted_in]")
    loaded = load_all(files, plugins=plugins(declared))
    assert loaded.policy.remembered == {"app.opened"}
    assert loaded.warmup_ms == {"look": 5 * 86_400_000}


def test_it_implies_no_reason() -> None:
    files = with_when("{plugin.rainy: {days: 1}}")
    text = files["campaigns/look.yaml"].replace("because: [viewed]", "because: [declared]")
    with pytest.raises(PolicyErrors, match="declared does not follow"):
        load({**files, "campaigns/look.yaml": text}, plugins=plugins(plugin(rainy)))


class Clock:
    """Every second reading is `took_s` after the one before it."""

    def __init__(self) -> None:
        self.took_s = 0.0
        self._at_s = 0.0
        self._readings = 0

    def __call__(self) -> float:
        self._readings += 1
        if self._readings % 2 == 0:
            self._at_s += self.took_s
        return self._at_s


def watched(function: Callable[..., object]) -> tuple[Plugin, PluginWatch, Clock, Plugins]:
    clock = Clock()
    watch = PluginWatch(clock)
    all_watched = watch.watched(plugins(plugin(function)))
    return all_watched.conditions[function.__name__](), watch, clock, all_watched


def yes(_view: View) -> bool:
    return True


def call(one: Plugin, times: int) -> None:
    for _ in range(times):
        one.function(None)


def test_ten_slow_calls_of_a_thousand_are_p99_within_the_limit_and_eleven_are_not() -> None:
    one, _, clock, again = watched(yes)
    for _ in range(3):
        clock.took_s = SECONDS_MAX * 2
        call(one, SLOW_CALLS_MAX)
        clock.took_s = SECONDS_MAX / 2
        call(one, CALLS - SLOW_CALLS_MAX)
        assert one.trouble() == ""
    clock.took_s = SECONDS_MAX * 2
    call(one, SLOW_CALLS_MAX + 1)
    assert one.trouble() == "p99 > 1 ms: 11 of 11 calls took longer, 10 of 1000 may"
    with pytest.raises(Exception, match="p99"):
        one.function(None)
    assert again.conditions["yes"]().trouble() == ""  # What another policy loads is measured anew.


def test_what_is_switched_off_is_not_called_any_more_and_named_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls = []

    def slow(_view: View) -> bool:
        calls.append(1)
        return True

    one, _, clock, _ = watched(slow)
    clock.took_s = 1.0
    with caplog.at_level(logging.ERROR):
        for _ in range(20):
            holds("{plugin.slow: {}}", one)
    assert len(calls) == SLOW_CALLS_MAX + 1
    (said,) = [record.message for record in caplog.records]
    assert said.startswith(
        "plug-in slow is switched off until a restart or a new policy, p99 > 1 ms: 11 of 11"
    )
    assert said.endswith("calls took longer, 10 of 1000 may; its campaigns are silent")


def test_failures_are_counted_and_logged_once_without_what_they_say(caplog: pytest.LogCaptureFixture) -> None:
    one, watch, _, _ = watched(raises)
    other, _, _, _ = watched(answers_text)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert not holds("{plugin.raises: {}}", one)
            assert not holds("{plugin.answers_text: {}}", other)
    assert watch.errors == 3
    assert [record.message for record in caplog.records] == [
        "plug-in raises failed with KeyError; what fails decides nothing",
        "plug-in answers_text failed with TypeError; what fails decides nothing",
    ]


WHY = {"yes": "p99 > 1 ms: 11 of 11 calls took longer, 10 of 1000 may"}


def decided(when: str, off: dict[str, str]) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Return what a consenting customer's view caused, under a policy whose plug-ins are off as given."""
    shop = Harness(unplug(policy_of(when, plugin(yes)), off))
    shop.consent("c", "processing", "push", "in_app")
    shop.profile("c", timezone="UTC")
    shop.track("c", "Product Viewed", **COAT)
    return [
        (one.campaign, one.verdict, [(reason.code, reason.detail) for reason in one.reasons])
        for decision in shop.decisions
        for one in decision.candidates
    ]


@pytest.mark.parametrize(
    "when",
    ["{plugin.yes: {}}", "{not: {plugin.yes: {}}}", "{all: [{plugin.yes: {}}, {not: {plugin.yes: {}}}]}"],
)
def test_a_campaign_whose_plug_in_is_off_is_silent_wherever_it_might_have_spoken_and_says_why(
    when: str,
) -> None:
    assert decided(when, WHY) == [("look", "suppressed", [("plugin_off", f"yes: {WHY['yes']}")])]


def test_where_it_could_not_have_spoken_there_is_nothing_to_say() -> None:
    assert decided("{all: [{plugin.yes: {}}, {surface: {in: store}}]}", WHY) == []
    assert decided("{plugin.yes: {}}", {}) == [("look", "nudged", [])]
    assert decided("{surface: {in: [none, web]}}", WHY) == [("look", "nudged", [])]


async def test_a_worker_takes_a_plug_in_out_of_its_policy_once_it_is_too_slow() -> None:
    one, _, clock, _ = watched(yes)
    policy = policy_of("{plugin.yes: {}}", one)
    feed = ConfigFeed("127.0.0.1:1", policy, event_age_max_ms=1, plugins=Plugins())
    try:
        assert feed.rules().policy is policy
        clock.took_s = 1.0
        call(one, SLOW_CALLS_MAX + 1)
        assert feed.rules().policy.campaigns["look"].silent == f"yes: {WHY['yes']}"
        assert feed.rules() is feed.rules()
        assert feed.plugins_off == troubles(policy) == WHY
    finally:
        await feed.stop()


def test_nobody_measures_in_a_replay_or_a_test() -> None:
    assert policy_of("{plugin.yes: {}}", plugin(yes)).plugins["yes"].trouble() == ""


def ranked_by(function: Callable[..., object], *, silent: bool = False) -> tuple[list[str], str]:
    """Return the order of three campaigns under a ranking, and what is said of the second."""
    names = {"a": 30, "b": 20, "c": 10}
    campaigns = {
        f"campaigns/{name}.yaml": CAMPAIGN.replace("campaign: look", f"campaign: {name}").replace(
            "priority: 40", f"priority: {priority}"
        )
        for name, priority in names.items()
    }
    frame = {name: text for name, text in FILES.items() if "/" not in name}
    channels = CHANNELS.replace("priority_min: 10", f"rank: {{plugin.{function.__name__}: {{}}}}")
    policy = load(
        {**frame, "channels.yaml": channels, **campaigns}, plugins=plugins(rankings=[plugin(function, 2)])
    )
    if silent:
        policy = unplug(policy, {function.__name__: "slow"})
    here = scene(event(Item("c-1", category="coats")))
    here.policy = policy
    ranked = rank([Found(here, policy.by_kind["product.viewed"])])
    return [one.id for _, one in ranked], outranked_by(ranked[0], ranked[1])


def reverse(_view: View, contenders: Sequence[Contender]) -> list[str]:
    return [one.campaign for one in reversed(contenders)]


def scored(_view: View, contenders: Sequence[Contender]) -> dict[str, float]:
    assert [one.category for one in contenders] == ["coats", "coats", "coats"]
    return {"b": 2, "a": 1.5, "unheard_of": 9}


def blunders(_view: View, _contenders: Sequence[Contender]) -> dict[str, float]:
    return {"c": float("nan")}


@pytest.mark.parametrize(
    ("function", "expected"),
    [(reverse, ["c", "b", "a"]), (scored, ["b", "a", "c"]), (blunders, ["a", "b", "c"])],
)
def test_a_ranking_orders_candidates_and_where_it_fails_priority_stands(
    function: Callable[..., object], expected: list[str]
) -> None:
    order, said = ranked_by(function)
    assert order == expected
    assert said == f"by {expected[0]}, as plugin.{function.__name__} ranks them"


def test_what_a_ranking_reads_is_remembered() -> None:
    reads = Plugin("reverse", reverse, shape_of(reverse, 2, "A rule."), reads=frozenset({"app.opened"}))
    channels = CHANNELS.replace("priority_min: 10", "rank: {plugin.reverse: {}}")
    assert load({**FILES, "channels.yaml": channels}, plugins=plugins(rankings=[reads])).remembered >= {
        "app.opened"
    }


def test_a_ranking_that_is_switched_off_leaves_the_order_to_priority() -> None:
    assert ranked_by(reverse, silent=True) == (["a", "b", "c"], "by a, priority 30")


@pytest.mark.parametrize(
    ("rank", "expected"),
    [
        (
            "{plugin.revers: {}}",
            "rank.plugin.revers: no plug-in 'revers' is installed; installed are reverse; did you mean 'reverse'?",
        ),
        ("{plugin.reverse: {by: 2}}", "rank.plugin.reverse.by: unknown key; allowed are none"),
        ("{reverse: {}}", "rank: needs one plug-in, such as {plugin.<name>: {}}"),
    ],
)
def test_a_mistake_in_the_use_of_a_ranking_is_named(rank: str, expected: str) -> None:
    channels = CHANNELS.replace("priority_min: 10", f"rank: {rank}")
    with pytest.raises(PolicyErrors) as refused:
        load({**FILES, "channels.yaml": channels}, plugins=plugins(rankings=[plugin(reverse, 2)]))
    assert f"channels.yaml:9: overall.{expected}" in [str(error) for error in refused.value.errors]
