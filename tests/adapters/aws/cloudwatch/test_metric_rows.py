"""Rows of any metrics of CloudWatch, and of an Application Load Balancer."""

import numpy as np
import pytest

from adapters.aws.cloudwatch.metric_rows import rows_of, series_of, trees_of
from adapters.aws.expressions import parsed
from adapters.aws.metric_settings import CloudWatchAlbSettings, CloudWatchMetricSettings, MetricSettings
from adapters.pinging.own_traffic import Own
from adapters.ports.minute_rows import UNSETTLED

NAN = np.nan
SETTLED = [NAN] * UNSETTLED


def column(*values):
    return np.array([*values, *SETTLED], float)


def test_an_absent_point_is_zero_only_where_the_proof_has_one():
    rows = rows_of(100, {"peak": column(2.4, NAN, NAN), "proof": column(NAN, 1, NAN)})

    assert rows.series.peak[:3].tolist()[:2] == [3.0, 0.0]
    assert rows.series.known[:3].tolist() == [True, True, False]
    assert rows.absent[:3].tolist() == [False, True, True]


def test_without_a_proof_an_absent_point_is_unknown():
    assert rows_of(100, {"peak": column(2, NAN)}).series.known.tolist() == [True, False, *[False] * UNSETTLED]


def test_the_newest_minutes_prove_nothing():
    peak, proof = np.full(5, NAN), np.ones(5)

    assert rows_of(100, {"peak": peak, "proof": proof}).series.known.tolist() == [True, True, False, False, False]


def test_the_average_is_at_most_the_peak_and_requests_are_unknown_without_a_point():
    rows = rows_of(0, {"peak": column(2, 2), "busy": column(5, NAN), "requests": column(NAN, 8)}).series

    assert rows.busy[:2].tolist() == [2, 2]
    assert np.isnan(rows.invocations[0])
    assert rows.invocations[1] == 8


def test_requests_times_response_time_are_in_flight():
    rows = rows_of(0, {"requests": column(*[120] * 5), "seconds": column(*[2.0] * 5)})

    assert rows.series.busy[:5].tolist() == [4.0] * 5
    assert (rows.series.peak[:5] > 4).all()
    assert rows.seconds == 2.0


def test_a_request_longer_than_a_minute_runs_in_the_minutes_before_its_end():
    rows = rows_of(0, {"requests": column(NAN, NAN, NAN, 1, NAN), "seconds": column(NAN, NAN, NAN, 180, NAN),
                       "proof": column(1, 1, 1, 1, 1)})

    assert rows.series.busy[:5].tolist() == [0, 1, 1, 1, 0]


def test_own_pings_through_the_load_balancer_are_no_demand():
    own = Own(pings=column(60, 60), seconds=column(6, 6), at_once=column(6, 6))
    rows = rows_of(0, {"requests": column(60, 90), "seconds": column(0.1, 1.4)}, own).series

    assert rows.invocations[:2].tolist() == [0, 30]
    assert rows.busy[:2].tolist() == pytest.approx([0, 2.0])


def test_metrics_of_a_target_group_have_both_dimensions_and_its_health_checks_are_the_proof():
    settings = CloudWatchAlbSettings(kind="cloudwatch-alb", region="us-east-1", load_balancer="app/a/50dc6c495c0c9188",
                                     target_group="targetgroup/b/73e2d6bc24d8a067")
    series = series_of(settings)

    assert {role: (each.metric.name, each.metric.stat) for role, each in series.items()} == {
        "requests": ("RequestCount", "Sum"), "seconds": ("TargetResponseTime", "Average"),
        "proof": ("HealthyHostCount", "SampleCount")}
    assert all(dict(each.dimensions).keys() == {"TargetGroup", "LoadBalancer"} for each in series.values())
    assert "proof" not in series_of(settings.model_copy(update={"target_group": None}))


def metric(name, **more):
    return {"namespace": "Agents", "metric": name, "statistic": "Maximum"} | more


def settings_of(**roles):
    return CloudWatchMetricSettings.model_validate({"kind": "cloudwatch", "region": "us-east-1"} | roles)


SUM = {"expression": "(running + waiting) / 2", "metrics": [metric("Running", id="running"), metric("Waiting", id="waiting")]}


@pytest.mark.parametrize("change", [{"statistic": "Median"}, {"namespace": ""}, {"metric": ":x"}, {"period": 60}])
def test_a_metric_that_cannot_be_read_is_refused(change):
    good = {"namespace": "Agents", "metric": "InFlight", "statistic": "Maximum", "dimensions": {"Service": "chat"}}
    assert str(MetricSettings.model_validate(good)) == "Agents:InFlight:Maximum(Service=chat)"
    with pytest.raises(ValueError, match=next(iter(change))):
        MetricSettings.model_validate(good | change)


def test_the_resource_of_a_pool_names_its_metrics():
    settings = settings_of(peak=metric("InFlight"))

    assert settings.resource == "region=us-east-1 peak=Agents:InFlight:Maximum"


def test_an_expression_is_read_as_its_metrics_and_computed():
    settings = settings_of(peak=SUM, proof=metric("Heartbeat"))
    rows = rows_of(100, {"peak.running": column(3, NAN, NAN, 5), "peak.waiting": column(2, 4, NAN, NAN),
                         "proof": column(NAN, 1, 1, NAN)}, trees=trees_of(settings))

    assert {role: each.metric.name for role, each in series_of(settings).items()} == {
        "peak.running": "Running", "peak.waiting": "Waiting", "proof": "Heartbeat"}
    assert rows.series.known[:4].tolist() == [True, True, True, False]
    assert rows.series.peak[:3].tolist() == [3, 2, 0]
    assert rows.absent[:4].tolist() == [False, True, True, True]
    assert settings.resource == ("region=us-east-1 peak=(running+waiting)/2[running=Agents:Running:Maximum,"
                                 "waiting=Agents:Waiting:Maximum] proof=Agents:Heartbeat:Maximum")


def test_an_impossible_value_of_an_expression_is_unknown_even_where_the_proof_has_a_point():
    trees = {"peak": parsed("a / b", ("a", "b"))}
    rows = rows_of(100, {"peak.a": column(4, 4), "peak.b": column(2, 0), "proof": column(1, 1)}, trees=trees)

    assert rows.series.known[:2].tolist() == [True, False]
    assert rows.series.peak[0] == 2


@pytest.mark.parametrize(("change", "words"), [
    ({"expression": "running"}, "it does not use waiting"),
    ({"expression": "running + waiting + idle"}, "idle is neither a metric"),
    ({"expression": None}, "the key namespace is missing: write a metric, or expression and metrics"),
    ({"metric": "InFlight"}, "metric is given beside an expression"),
    ({"metrics": [metric("A", id="running"), metric("B", id="running")]}, "two metrics have the same id"),
    ({"metrics": [metric("A", id="Running")]}, "id"),
    ({"metrics": []}, "running is neither a metric"),
])
def test_an_expression_that_cannot_work_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        settings_of(peak=SUM | change)
    with pytest.raises(ValueError, match="proof"):
        settings_of(peak=SUM, proof=SUM)
