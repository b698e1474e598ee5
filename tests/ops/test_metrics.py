import math

import pytest
from prometheus_client.parser import text_string_to_metric_families

from streamproc.core.event import Reason
from streamproc.core.reasons import Gate
from streamproc.ops.metrics import OTHER, SERIES_MAX, Metrics


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def series(metrics: Metrics) -> int:
    families = text_string_to_metric_families(metrics.render().decode())
    return sum(len(family.samples) for family in families)


def test_a_process_has_300_series_at_most_whatever_it_is_told_to_count() -> None:
    metrics = Metrics()
    for n in range(1_000):
        metrics.count_events(f"topic-{n}", f"outcome-{n}")
        metrics.count_rejected(f"reason-{n}")
        metrics.count_decision(f"verdict-{n}")
        metrics.count_suppressed(f"gate-{n}")
        metrics.count_nudge(f"channel-{n}", f"rung-{n}")
        metrics.count_withheld(f"reason-{n}")
        metrics.show_lag(f"topic-{n}", n, n)
        metrics.step_took(f"step-{n}", 0.1)
    assert series(metrics) == series(Metrics())
    assert series(metrics) <= SERIES_MAX == 300


def test_what_is_outside_a_closed_set_is_counted_as_other() -> None:
    metrics = Metrics()
    metrics.count_rejected("customer c-17 was rude", 3)
    assert sample(metrics, "streamproc_rejected_total", reason=OTHER) == 3
    assert b"c-17" not in metrics.render()


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_of_rejection_is_counted_by_its_code(reason: Reason) -> None:
    metrics = Metrics()
    metrics.count_rejected(reason)
    assert sample(metrics, "streamproc_rejected_total", reason=reason.value) == 1


@pytest.mark.parametrize("gate", Gate)
def test_each_gate_is_counted_by_its_code(gate: Gate) -> None:
    metrics = Metrics()
    metrics.count_suppressed(gate, 2)
    assert sample(metrics, "streamproc_suppressed_total", gate=gate.value) == 2


def test_a_counter_that_has_not_moved_is_zero_and_not_missing() -> None:
    assert sample(Metrics(), "streamproc_nudges_total", channel="push", rung="send") == 0


def test_two_instances_in_one_process_do_not_share_numbers() -> None:
    first, second = Metrics(), Metrics()
    first.count_units(5)
    assert sample(first, "streamproc_units_total") == 5
    assert sample(second, "streamproc_units_total") == 0


def test_staleness_of_the_config_grows_until_it_is_confirmed_again() -> None:
    now = [100.0]
    metrics = Metrics(monotonic=lambda: now[0])
    assert sample(metrics, "streamproc_config_staleness_seconds") == math.inf
    metrics.confirm_config(41)
    now[0] = 100.5
    assert sample(metrics, "streamproc_config_staleness_seconds") == 0.5
    assert sample(metrics, "streamproc_config_applied_offset") == 41


def test_a_nudge_before_its_event_counts_as_immediate() -> None:
    metrics = Metrics()
    metrics.nudge_took(-3.0)
    assert sample(metrics, "streamproc_event_to_nudge_seconds_bucket", le="0.05") == 1
    assert sample(metrics, "streamproc_event_to_nudge_seconds_sum") == 0


def test_every_metric_of_ours_begins_with_the_products_name() -> None:
    names = {family.name for family in Metrics().registry.collect()}
    assert all(name.startswith(("streamproc_", "process_")) for name in names)


def test_gauges_show_what_they_are_told() -> None:
    metrics = Metrics()
    metrics.show_gate(is_open=True)
    metrics.show_ready(is_ready=True)
    metrics.show_workers(2)
    metrics.show_lag("beacons", 7, 9)
    assert sample(metrics, "streamproc_gate_open") == sample(metrics, "streamproc_ready") == 1
    assert sample(metrics, "streamproc_workers") == 2
    assert sample(metrics, "streamproc_lag_max_records", topic="beacons") == 7
    assert sample(metrics, "streamproc_lag_sum_records", topic="beacons") == 9
