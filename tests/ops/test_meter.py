from streamproc.core.decision import Candidate, ConsentPosition, Decision, Handover, Source
from streamproc.core.reasons import Gate, Why
from streamproc.core.record import Record
from streamproc.core.tally import Tally
from streamproc.core.unit import Span, Unit
from streamproc.ops.meter import MetricsMeter
from streamproc.ops.metrics import Metrics
from streamproc.ports import Meter, SinkUnavailable
from streamproc.store.base import StoreRefused, StoreUnavailable


def metered(now_ms: int = 0) -> tuple[Meter, Metrics]:
    metrics = Metrics()
    return MetricsMeter(metrics, lambda: now_ms), metrics


def record(offset: int) -> Record:
    return Record("clickstream", 0, offset, 1_000, append_time=False, key=b"c-1", value=b"{}")


def tally_of(*records: Record) -> Tally:
    spans = {("clickstream", 0): Span(records[0].offset, records[-1].offset)} if records else {}
    return Tally(Unit("moments", records, {0: 0}, spans))


def decision(*candidates: Candidate) -> Decision:
    return Decision(
        decision_id="d-1",
        kind="event",
        trigger="cart.viewed",
        event_id="e-1",
        customer_id="c-1",
        decided_at_ms=0,
        result="silent",
        candidates=list(candidates),
        source=Source("clickstream", 0, 7, 0),
        consent=ConsentPosition(0, 0),
        seq=0,
        zone="",
        policy="v1",
        config_offset=0,
    )


def test_a_unit_counts_its_events_by_outcome_and_its_holes() -> None:
    meter, metrics = metered()
    tally = tally_of(record(7), record(8), record(11))
    for outcome in ("decided", "decided", "duplicate"):
        tally.add("clickstream", 0, outcome)
    meter.unit(tally, [])
    value = metrics.registry.get_sample_value
    assert value("streamproc_units_total") == 1
    assert value("streamproc_events_total", {"topic": "clickstream", "outcome": "decided"}) == 2
    assert value("streamproc_events_total", {"topic": "clickstream", "outcome": "duplicate"}) == 1
    assert value("streamproc_holes_total") == 2


def test_each_candidate_counts_once_by_verdict_and_once_for_each_gate_that_failed() -> None:
    meter, metrics = metered()
    reasons = [Why(Gate.FREQUENCY_CAP, "push 1 d: 1 of 1"), Why(Gate.QUIET_HOURS)]
    silent = Candidate("abandoned_cart", "push", "suppressed", reasons)
    meter.unit(tally_of(), [decision(silent)])
    value = metrics.registry.get_sample_value
    assert value("streamproc_decisions_total", {"verdict": "suppressed"}) == 1
    assert value("streamproc_suppressed_total", {"gate": "frequency_cap"}) == 1
    assert value("streamproc_suppressed_total", {"gate": "quiet_hours"}) == 1


def test_a_nudge_counts_by_channel_and_rung_and_by_the_time_since_its_event() -> None:
    meter, metrics = metered(now_ms=10_400)
    meter.handed_over(
        Handover(
            h="9b",
            channel="push",
            campaign="abandoned_cart",
            category="coats",
            purpose="marketing",
            sensed=False,
            rung="soften",
            occurred_at_ms=10_000,
            decided_at_ms=10_200,
            expires_at_ms=99_000,
            cost_minor=5,
        ),
        waits=True,
    )
    value = metrics.registry.get_sample_value
    assert value("streamproc_nudges_total", {"channel": "push", "rung": "soften"}) == 1
    assert value("streamproc_spent_minor_total", {"channel": "push"}) == 5
    assert value("streamproc_paced_total", {"channel": "push"}) == 1
    assert value("streamproc_event_to_nudge_seconds_sum") == 0.4


def test_troubles_count_by_what_failed() -> None:
    meter, metrics = metered()
    for error in (SinkUnavailable("x"), StoreUnavailable("x"), StoreRefused("x"), ValueError("x")):
        meter.trouble(error)
    for kind in ("sink", "store", "store_refused", "other"):
        assert metrics.registry.get_sample_value("streamproc_troubles_total", {"kind": kind}) == 1


def test_refusals_conflicts_and_steps_count() -> None:
    meter, metrics = metered()
    meter.rejected("not_json")
    meter.withheld("channel_off")
    meter.conflicts(3)
    meter.campaigns_paused(2)
    meter.step("decide", 0.004)
    value = metrics.registry.get_sample_value
    assert value("streamproc_rejected_total", {"reason": "not_json"}) == 1
    assert value("streamproc_withheld_total", {"reason": "channel_off"}) == 1
    assert value("streamproc_conflicts_total") == 3
    assert value("streamproc_campaigns_paused_total") == 2
    assert value("streamproc_unit_step_seconds_bucket", {"step": "decide", "le": "0.005"}) == 1


def test_a_nudge_that_was_put_off_counts_as_quieter() -> None:
    _, metrics = metered()
    metrics.count_nudge("in_app", "defer")
    labels = {"channel": "in_app", "rung": "quieter"}
    assert metrics.registry.get_sample_value("streamproc_nudges_total", labels) == 1
