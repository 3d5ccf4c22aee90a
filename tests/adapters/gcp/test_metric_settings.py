"""Settings of any metric: one metric in a filter, and functions that make a number of it."""

import pytest
from pydantic import ValidationError

from adapters.gcp.metric_settings import CloudMonitoringMetricSettings

ONE = 'metric.type = "custom.googleapis.com/in_flight"'


def settings(**changes):
    return CloudMonitoringMetricSettings.model_validate({
        "kind": "cloud-monitoring-metric", "project": "acme", "peak": {"filter": ONE, "aligner": "ALIGN_MAX"} | changes})


@pytest.mark.parametrize(("changes", "what"), [
    ({"filter": 'resource.type = "x"'}, "names one metric"),
    ({"filter": f"{ONE} OR {ONE}"}, "names one metric"),
    ({"aligner": "ALIGN_DELTA"}, "aligner"),
    ({"reducer": "REDUCE_NONE"}, "reducer"),
])
def test_what_gives_no_number_is_refused(changes, what):
    with pytest.raises(ValidationError, match=what):
        settings(**changes)


def test_the_resource_is_the_project_and_the_metrics():
    assert settings().resource == f"project=acme peak=REDUCE_SUM(ALIGN_MAX({ONE}))"
