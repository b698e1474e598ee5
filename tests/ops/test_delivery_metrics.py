"""The numbers of a delivery end: few, and about nobody."""

from __future__ import annotations

from streamproc.deliver.ports import Bounce, Fate, Trouble
from streamproc.ops.delivery_metrics import SERIES_MAX, DeliveryMetrics


def value(metrics: DeliveryMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"streamproc_{name}", labels)


def test_all_it_can_count_stays_within_the_bound() -> None:
    metrics = DeliveryMetrics("push")
    for fate in Fate:
        metrics.ended(fate, "a reason that no list has: c-17")
    for trouble in Trouble:
        metrics.trouble(trouble)
    metrics.took(0.1, -5.0)
    series = [sample for family in metrics.registry.collect() for sample in family.samples]
    assert len(series) <= SERIES_MAX
    assert b"c-17" not in metrics.render()


def test_a_nudge_is_counted_by_its_fate_and_reason() -> None:
    metrics = DeliveryMetrics("push")
    metrics.ended(Fate.BOUNCED, Bounce.NO_ADDRESS)
    metrics.ended(Fate.WITHHELD, "channel_not_opted_in")
    metrics.ended(Fate.WITHHELD, "nobody knows")
    metrics.ended(Fate.DELIVERED)
    assert value(metrics, "deliveries_total", fate="bounced") == 1
    assert value(metrics, "deliveries_total", fate="withheld") == 2
    assert value(metrics, "deliveries_bounced_total", reason="no_address") == 1
    assert value(metrics, "deliveries_withheld_total", reason="channel_not_opted_in") == 1
    assert value(metrics, "deliveries_withheld_total", reason="other") == 1
    assert value(metrics, "deliveries_total", fate="expired") == 0


def test_how_it_stands_is_shown() -> None:
    metrics = DeliveryMetrics("push")
    metrics.show(is_ready=False, gate_is_open=True, config_offset=7, lag=12, put_off=3)
    names = ("ready", "gate_open", "config_applied_offset", "delivery_lag_records", "delivery_put_off")
    assert [value(metrics, name) for name in names] == [0, 1, 7, 12, 3]
