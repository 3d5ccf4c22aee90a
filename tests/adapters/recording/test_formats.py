"""Each export format is read with its own meaning of times, and columns get roles by name and statistic."""

import json
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.recording.demand import imported
from adapters.recording.roles import Kind, kind_of
from adapters.recording.table import NotImportable
from tests.examples import examples

CONSOLE = """Label,Invocations,ConcurrentExecutions,ConcurrentExecutions
Unit,Count,Count,Count
Full label,m1,m2,m3
Id,m1,m2,m3
2026/03/02 00:00:00,30,3.00,4
2026/03/02 00:01:00,30,3.01,5
"""


def read(texts: str | dict[str, str], columns: dict[str, str] | None = None,
         timezone: str | None = None) -> tuple[list[list[float]], str]:
    """Return requests, averages and maxima, and the notes as text."""
    found = imported({"f": texts} if isinstance(texts, str) else texts, columns or {}, timezone)
    series = found.series
    values = [[round(value, 4) for value in column.tolist()] for column in (series.invocations, series.busy, series.peak)]
    return values, "\n".join(line for _, lines in found.notes for line in lines)


def refusal(texts: str | dict[str, str], columns: dict[str, str] | None = None) -> str:
    with pytest.raises(NotImportable) as caught:
        read(texts, columns)
    return str(caught.value)


def test_a_console_export_is_read_with_its_rows_of_labels():
    values, notes = read(CONSOLE)

    assert values == [[30, 30], [3, 3.01], [4, 5]]
    assert "times without a time zone are read as UTC, because the format has no time zone; give --timezone if" in notes
    assert "the average is ConcurrentExecutions (m2) and the maximum is ConcurrentExecutions (m3), because the" in notes


def test_column_options_have_priority_over_values():
    values, _ = read(CONSOLE, {"max_concurrency": "m2", "avg_concurrency": "m3"})

    assert (values[1], values[2]) == ([4, 5], [3, 3.01])


def test_of_two_columns_with_one_name_the_second_gets_the_other_role():
    assert read(CONSOLE, {"max_concurrency": "m3"})[0][1] == [3, 3.01]
    assert read(CONSOLE, {"avg_concurrency": "m2"})[0][2] == [4, 5]
    assert "average or maximum?" in refusal(CONSOLE, {"avg_concurrency": "m3"})


def test_columns_with_one_name_and_ambiguous_values_require_an_option():
    same = CONSOLE.replace("3.00,4", "4,4").replace("3.01,5", "5,5")

    assert refusal(same).startswith("f: ConcurrentExecutions (m2) and ConcurrentExecutions (m3): average or maximum? give")
    assert "2 columns have this name; give one of m2, m3" in refusal(same, {"max_concurrency": "ConcurrentExecutions"})
    assert read(same, {"max_concurrency": "m3", "avg_concurrency": "m2"})[0][2] == [4, 5]


@pytest.mark.parametrize(("values", "says"), [("3.5,4.25", "the average is"), ("3,4", None)])
def test_a_column_of_concurrency_without_a_statistic_is_an_average_only_if_it_has_fractions(values, says):
    first, second = values.split(",")
    text = f"time,invocations,ConcurrentExecutions\n2026-03-02T00:00:00Z,1,{first}\n2026-03-02T00:01:00Z,1,{second}\n"

    assert says is None or says in read(text)[1]
    assert says is not None or "average or maximum?" in refusal(text)


def test_concurrency_next_to_an_average_column_is_the_maximum():
    text = "time,invocations,concurrency,Average concurrency\n2026-03-02T00:00:00Z,1,2,1.5\n"

    assert read(text)[0] == [[1], [1.5], [2]]


@pytest.mark.parametrize("text", [
    "sep=;\nTime;Invocations;ConcurrentExecutions Average;ConcurrentExecutions Maximum\n2026-03-02T00:00:00Z;5;1,5;3\n",
    "Time\tRequests\tAvg concurrency\tMax concurrency\n1772409600000\t5\t1.5\t3\n",
    '"Time","Invocations Sum","Concurrency Average","Concurrency Maximum"\n"2026-03-02T00:00:00Z","5","1.5","3"\n',
    ("Series;Time;Value\nInvocations;2026-03-02T01:00:00+01:00;5\navg concurrency;2026-03-02T01:00:00+01:00;1.5\n"
     "peak concurrency;2026-03-02T01:00:00+01:00;3\n"),
    ('time,"sum:aws.lambda.invocations{functionname:x}.as_count()","avg:aws.lambda.concurrent_executions{functionname:x}",'
     '"max:aws.lambda.concurrent_executions{functionname:x}"\n2026-03-02T00:00:00.000Z,5,1.5,3\n'),
    "x,max_concurrency|avg_concurrency|note|invocations|date\n".replace(",", "|") + "a|3|1.5|b c|5|2026-03-02 00:00:00 UTC\n",
    ("metric,group,date,timestamp,value\nsum:aws.lambda.invocations,f:x,2026-03-01 19:00:00,1772409600000,5\n"
     "avg:aws.lambda.concurrent_executions,f:x,2026-03-01 19:00:00,1772409600000,1.5\n"
     "max:aws.lambda.concurrent_executions,f:x,2026-03-01 19:00:00,1772409600000,3\n"),
    "# exported\n# by hand\nts,requests,avg concurrency,max concurrency\n1772409600,5,1.5,3\n",
    "date,time,requests,avg concurrency,max concurrency\n2026-03-02,01:00 +01:00,5,1.5,3\n",
    "time,requests,avg concurrency,max concurrency\n2026-03-02 01:00:00 Europe/Paris,5,1.5,3\n",
    "time,requests,avg concurrency,max concurrency\n20260302T000000Z,5,1.5,3\n",
    ("FunctionName,x,x,x\nFull label,Invocations,ConcurrentExecutions,ConcurrentExecutions\nStatistic,Sum,Average,Maximum\n"
     "2026/03/02 00:00:00,5,1.5,3\n"),
], ids=["excel", "tabs", "quotes", "long", "datadog", "bars", "datadog long", "comments", "date and time", "zone name",
        "compact time", "console dimensions"])
def test_exports_of_dashboards_and_spreadsheets(text):
    assert read(text)[0] == [[5], [1.5], [3]]
    assert imported({"f": text}, {}, None).series.first_minute == 1772409600 // 60


def test_errors_below_comments_name_the_line_of_the_file():
    assert refusal("# a\n# b\ntime,invocations\n2026-03-02T00:00:00Z,-5\n").startswith("f:4: invocations is -5")


def test_a_user_can_state_the_period_of_values_of_prometheus():
    text = matrix((1772409900, "5"), (1772410200, "10"))
    found = imported({"f": text}, {"invocations": "f"}, step=300)

    assert found.series.invocations.tolist() == [1] * 5 + [2] * 5
    assert found.series.first_minute == 1772409600 // 60
    assert "each value is for the period of 5 min that ends at its time" in found.notes[0][1][1]


def test_each_minute_has_the_places_of_its_values():
    texts = {"a": "time,invocations\n2026-03-02T00:05:00Z,1\n2026-03-02T00:00:00Z,1\n2026-03-02T00:10:00Z,1\n",
             "b": "time,max_concurrency\n2026-03-02T00:06:00Z,1\n2026-03-02T00:07:00Z,1\n"}
    found = imported(texts, {}, None)

    assert found.rows(1772409600 // 60 + 6) == ["a:2", "b:2"]
    assert found.rows(1772409600 // 60 + 8) == ["a:2"]


DATA = {"MetricDataResults": [
    {"Id": "inv", "Label": "Invocations", "Timestamps": ["2026-03-02T00:02:00+00:00", "2026-03-02T00:01:00+00:00"],
     "Values": [12.0, 0.0],
     "StatusCode": "Complete"},
    {"Id": "avg", "Label": "ConcurrentExecutions", "Timestamps": [1772409660.0, 1772409720.0], "Values": [1.5, 1.25]},
    {"Id": "max", "Label": "ConcurrentExecutions", "Timestamps": ["2026-03-02T00:01:00Z", "2026-03-02T00:02:00Z"],
     "Values": [3, 2]},
    {"Id": "e1", "Label": "ProvisionedConcurrentExecutions", "Timestamps": ["2026-03-02T00:01:00Z"], "Values": [9]},
], "Messages": []}


def test_get_metric_data_is_read_by_label_and_id():
    values, notes = read(json.dumps(DATA))

    assert values == [[0, 12], [1.5, 1.25], [3, 2]]
    assert "not used: ProvisionedConcurrentExecutions" in notes


def test_a_note_reports_an_incomplete_response():
    part = json.loads(json.dumps(DATA)) | {"NextToken": "x"}
    part["MetricDataResults"][0]["StatusCode"] = "PartialData"
    _, notes = read(json.dumps(part))

    assert "the response has a NextToken: it is one page, and the other pages are missing" in notes
    assert "inv has the status PartialData: points may be missing" in notes


def test_pages_of_one_response_are_joined():
    pages = [{"MetricDataResults": [{"Id": "i", "Label": "Invocations", "Timestamps": [f"2026-03-02T00:0{minute}:00Z"],
                                     "Values": [minute]}]}
             for minute in (1, 2)]

    assert read(json.dumps(pages))[0][0] == [1, 2]


def test_get_metric_statistics_are_read_by_statistic_and_joined():
    one = {"Label": "Invocations", "Datapoints": [{"Timestamp": "2026-03-02T00:01:00+00:00", "Sum": 60.0, "Unit": "Count"},
                                                  {"Timestamp": "2026-03-02T00:00:00+00:00", "Sum": 5.0, "Unit": "Count"}]}
    two = {"Label": "ConcurrentExecutions", "Datapoints": [{"Timestamp": "2026-03-02T00:00:00Z", "Average": 1.5, "Maximum": 3.0},
                                                           {"Timestamp": "2026-03-02T00:01:00Z", "Average": 1, "Maximum": 2.0}]}

    assert read({"i.json": json.dumps(one), "c.json": json.dumps(two)})[0] == [[5, 60], [1.5, 1], [3, 2]]


def matrix(*values: tuple[float, str], **labels: str) -> str:
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": [{"metric": labels, "values": values}]}})


def test_prometheus_values_are_for_the_minute_before_their_time():
    values, notes = read({"req.json": matrix((1772409660, "5"), (1772409720, "6")),
                         "peak.json": matrix((1772409660, "3"), (1772409720, "2"))},
                        {"invocations": "req.json", "max_concurrency": "peak.json"})

    assert (values[0], values[2]) == ([5, 6], [3, 2])
    assert "each value is for the minute that ends at its time" in notes
    assert imported({"f": matrix((1772409660, "5"))}, {"invocations": "f"}).series.first_minute == 1772409600 // 60


@pytest.mark.parametrize(("text", "says"), [
    (matrix((1772409660, "5"), (1772409960, "6")),
     "the step is 300 s, so the period of its values is unknown; query with step=60"),
    (matrix((1772409660, "5"), (1772409675, "6")), "the step is 15 s"),
    (matrix((1772409660, "5"), __name__="http_requests_total"),
     "is a counter; query its increase per minute: sum(increase("),
    (json.dumps({"status": "success", "data": {"resultType": "vector", "result": []}}), "use query_range with step=60"),
    (json.dumps({"status": "error", "error": "bad query"}), "the response is an error (bad query); repeat the query"),
    (json.dumps({"MetricDataResults": []}), "no data points; select a period that has some"),
    (json.dumps({"MetricDataResults": [{"Timestamps": ["2026-03-02T00:00:00Z"], "Values": []}]}), "has 1 times and 0 values"),
    ('{"MetricDataResults": [{"Timestamps": 1}]}', "not a response of aws cloudwatch get-metric-data"),
    ('{"a": 1}', "unknown kind of JSON; known are the responses of aws cloudwatch get-metric-data"),
    ('{"a": ', "f:1: invalid JSON"), ("[" * 100_000, "invalid JSON"),
    ("", "f:1: no rows below the header"), ("timestamp,invocations\n", "f:1: no rows below the header"),
    ("2026-03-02T00:00:00Z,1,1,1\n2026-03-02T00:01:00Z,1,1,1\n", "f:1: the first row has values and no names"),
    ("a,b\n1,2\n", "f:1: no column has times; name the column of times timestamp (columns: a, b)"),
    ("time,a\n2026-03-02T00:00:00Z,1\n", "f: no column is recognised as one of invocations, avg_concurrency, max_concurrency"),
    ("time,invocations\n2026-03-02T00:00:00Z\n", "f:2: 1 cells, the header has 2"),
    ('time,invocations\n"2026', "f:2: invalid CSV"),
    ("time,invocations,requests\n2026-03-02T00:00:00Z,1,2\n",
     "f: invocations and requests can both be invocations; give --column"),
    ("time,requests per second\n2026-03-02T00:00:00Z,1\n", "requests per second is a rate; export the number of requests"),
    ("time,Invocations Average\n2026-03-02T00:00:00Z,1\n", "is an average, which is 1 for each request"),
])
def test_incomplete_or_unknown_files_are_rejected(text, says):
    assert says in refusal(text)


def test_a_missing_column_is_rejected_with_the_existing_ones():
    assert refusal(CONSOLE, {"invocations": "m9"}).startswith(
        "--column invocations=m9: there is no such column (columns: Invocations, ConcurrentExecutions); give --column ROLE=NAME")


def series(kind: str, metric: str, *points: tuple[str, dict[str, object]], **labels: str) -> dict[str, object]:
    return {"metric": {"type": metric, "labels": labels}, "metricKind": kind,
            "points": [{"interval": {"startTime": "2026-03-02T00:00:00Z", "endTime": end}, "value": value} for end,
                       value in points]}


def test_cloud_monitoring_points_are_for_the_interval_that_they_end_and_counts_are_summed_over_labels():
    count = "run.googleapis.com/request_count"
    body = {"timeSeries": [
        series("DELTA", count, ("2026-03-02T00:02:00Z", {"int64Value": "3"}), ("2026-03-02T00:01:00Z", {"int64Value": "4"}),
               code="200"),
        series("DELTA", count, ("2026-03-02T00:01:00Z", {"int64Value": "1"}), code="500"),
        series("GAUGE", "custom/max_concurrency", ("2026-03-02T00:01:00Z", {"doubleValue": 2.0}))]}
    values, notes = read(json.dumps(body))

    assert values[0] == [5, 3]
    assert values[2][0] == 2
    assert "2 series of run.googleapis.com/request_count are summed" in notes
    assert imported({"f": json.dumps(body)}, {}).series.first_minute == 1772409600 // 60


def test_a_distribution_is_rejected_with_an_aligner_to_use():
    body = [series("DELTA", "run.googleapis.com/container/max_request_concurrencies",
                   ("2026-03-02T00:01:00Z", {"distributionValue": {}}))]

    assert "a value of type distributionValue; align distributions to a number" in refusal(json.dumps(body))


@pytest.mark.parametrize(("name", "kind"), [
    ("Invocations", Kind("invocations", "")), ("Invocations Sum", Kind("invocations", "sum")),
    ("request_count", Kind("invocations", "sum")),
    ("ConcurrentExecutions Maximum", Kind("concurrency", "maximum")), ("max_concurrency", Kind("concurrency", "maximum")),
    ("peak requests in flight", Kind("concurrency", "maximum")),
    ("avg:aws.lambda.concurrent_executions{a:b}", Kind("concurrency", "average")),
    ("UnreservedConcurrentExecutions", Kind("", "")), ("Throttles", Kind("", "")),
    ("Duration Average", Kind("duration", "average")),
    ("p99 latency", Kind("duration", "p99")), ("requests/s", Kind("invocations", "rate")), ("memory", Kind("", "")),
])
def test_a_name_determines_metric_and_statistic(name, kind):
    assert kind_of(name) == kind


PIECES = st.sampled_from([
    "timestamp", "time", "invocations", "max_concurrency", "ConcurrentExecutions", "Label", "Id", "Value", "Series", ",", ";",
    "\t", "\n", "\r\n",
    '"', "2026-03-02T00:00:00Z", "2026-03-02 00:00", "2026-03-02T00:00:00+99:00", "13/13/2026 00:00", "1772409600", "1e400",
    "1,5", "1.5", "-1",
    "NaN", "Mon, 02 Mar", "sep=;\n", "{", "}", "[", "]", '{"MetricDataResults":', '{"Datapoints":',
    '{"data":{"resultType":"matrix","result":',
    '{"timeSeries":', "null", "\x00", "\ufeff", "9" * 30,
])


@examples(300)
@given(st.text(max_size=60) | st.lists(PIECES, max_size=25).map("".join), st.sampled_from([None, "Europe/Prague"]))
@example("time,invocations\n2026-03-02T00:00:00+99:00,1\n", None)
@example("time,invocations\n02/13/9999 23:59,1\n", "Pacific/Apia")
@example("[]", None)
@example('{"data":{"resultType":"matrix","result":[{"values":[[null,1]]}]}}', None)
@example('{"timeSeries":[{"metric":{"type":"request_count"},"points":[{"interval":{"endTime":"x"},"value":{}}]}]}', None)
def test_any_text_is_imported_or_rejected(text, zone):
    with suppress(NotImportable):
        assert len(imported({"f": text}, {}, zone).series)
