"""Metrics pages: accepted and refused content."""

import pytest

from adapters.web.exposition import LONGEST_LINE, MOST_LINES, OPENMETRICS, UnreadablePage, metrics_of

TEXT = "text/plain; version=0.0.4; charset=utf-8"


def values(page, *names, kind=TEXT):
    """Return the values of each metric by label set."""
    found = metrics_of(page, kind, names or ("requests_total",))
    return {name: {tuple(sorted(labels)): each.value for labels, each in sets.items()} for name, sets in found.items()}


def amounts(page, kind=TEXT):
    """Return the values of requests_total in the order of the page."""
    return list(values(page, kind=kind)["requests_total"].values())


@pytest.mark.parametrize(("line", "amount"), [
    ('requests_total{route="/sessions/{id}/messages"} 9000', 9000),
    ('requests_total{route="/sessions/{id}"}9000', 9000),
    ("requests_total 3.5e1 1772452800000", 35),
    ("requests_total\t5\t1772452800.125", 5),
    ('requests_total{route="a \\"quoted}\\" \\\\ one", } 7', 7),
    ('requests_total { route = "/x" , method="GET" } 8', 8),
    ('requests_total{trace="x"} 9 # {trace_id="}{"} 0.67 1772452800.1', 9),
    ('requests_total{city="Köln",line="a\u2028b\x0bc"} 10', 10),
    ('{"requests_total", route="/x"} 11', 11),
    ("  requests_total 12  ", 12),
    ("\ufeffrequests_total 13", 13),
])
@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_lines_are_read_as_in_prometheus(line, amount, end):
    assert amounts(line + end) == [amount]


def test_all_label_sets_are_read_and_other_metrics_are_not():
    page = """# HELP requests_total So far.
# TYPE requests_total counter
requests_total{route="/health"} 10
requests_total{route="/sessions/{id}/messages"} 9000
requests_totals 99
not_requests_total 98
other{of="requests_total"} 97
requests_total_of{route="/"} this is no number
"""
    assert amounts(page) == [10, 9000]


@pytest.mark.parametrize("line", [
    "requests_total", "requests_total{", 'requests_total{route="/x"', 'requests_total{route="/x} 5', 'requests_total{route="/x"}',
    "requests_total five", "requests_total 5x", "requests_total 5 soon", 'requests_total{route=/x} 5', "requests_total-x 5",
    'requests_total-x{route="/"} 5', 'requests_total{route="a",route="b"} 5', "requests_total 1_000",
])
def test_an_unreadable_line_of_a_requested_metric_raises(line):
    with pytest.raises(UnreadablePage, match="requests_total in line 2"):
        values(f"requests_total{{route=\"/\"}} 1\n{line}\nrequests_total{{route=\"/z\"}} 2\n")


@pytest.mark.parametrize("amount", ["NaN", "+Inf", "-Inf", "-1", "1" + "0" * 400])
def test_a_value_that_is_not_a_finite_number_of_at_least_0_is_refused(amount):
    with pytest.raises(UnreadablePage, match="not a finite number of at least 0"):
        values(f'requests_total 1\nrequests_total{{route="/"}} {amount}\n')


def test_a_repeated_label_set_is_refused():
    with pytest.raises(UnreadablePage, match="twice"):
        values('requests_total{a="1",b="2"} 5\nrequests_total{b="2",a="1"} 6\n')


def test_counters_keep_their_names_with_any_type():
    page = "# TYPE calls counter\ncalls 5\n# TYPE request_duration_seconds_sum counter\nrequest_duration_seconds_sum 2.5\n"

    assert values(page, "calls", "request_duration_seconds_sum") == {"calls": {(): 5}, "request_duration_seconds_sum": {(): 2.5}}


HISTOGRAM = """# HELP took Seconds.
# TYPE took histogram
took_bucket{le="1.0",route="/{id}"} 2
took_bucket{le="+Inf",route="/{id}"} 3
took_count{route="/{id}"} 3
took_sum{route="/{id}"} 4.5
"""


@pytest.mark.parametrize(("page", "kind"), [(HISTOGRAM, TEXT), (f"{HISTOGRAM}# EOF\n", OPENMETRICS)])
def test_sum_and_count_of_a_histogram_are_counters_and_its_buckets_are_none(page, kind):
    assert values(page, "took_sum", "took_count", kind=kind) == {
        "took_sum": {(("route", "/{id}"),): 4.5}, "took_count": {(("route", "/{id}"),): 3}}
    with pytest.raises(UnreadablePage, match="name its _count"):
        values(page, "took_bucket", kind=kind)


OPEN = """# TYPE requests_in_flight gauge
requests_in_flight{unit="a"} 3
# TYPE requests counter
# HELP requests So far.
requests_total{unit="a",route="/{id}"} 5 1772452800.123 # {trace_id="}"} 1.0 1772452800.1
requests_created{unit="a",route="/{id}"} 1.7724528e+09 1772452800.123
# TYPE other stateset
other{oh="no"} 17
# EOF
"""


@pytest.mark.parametrize("page", [OPEN, OPEN.replace("\n", "\r\n"), OPEN.removesuffix("\n")])
@pytest.mark.parametrize("kind", ["application/openmetrics-text; version=1.0.0; charset=utf-8", TEXT])
def test_openmetrics_is_recognised_by_content_type_or_end(page, kind):
    assert amounts(page, kind) == [5]
    assert values(page, "requests_in_flight", kind=kind) == {"requests_in_flight": {(("unit", "a"),): 3}}


@pytest.mark.parametrize(("page", "message"), [
    (OPEN.replace("# EOF\n", ""), "Missing # EOF"),
    (OPEN.replace("5 1772452800.123 #", "5 soon #"), "soon"),
    (OPEN.replace("requests_total{unit", "requests_total{=unit"), "requests_total"),
    (OPEN.replace("# TYPE other", 'requests_total{unit="a",route="/{id}"} 5 1772452800.123\n# TYPE other'), "twice"),
])
def test_an_invalid_openmetrics_page_is_refused(page, message):
    with pytest.raises(UnreadablePage, match=message):
        values(page, kind=OPENMETRICS)


@pytest.mark.parametrize(("page", "kind"), [
    (OPEN, OPENMETRICS),
    ('requests_total{route="/"} 5\n# TYPE requests_created gauge\nrequests_created{route="/"} 1772452800\n', TEXT),
])
def test_the_creation_time_of_a_counter_is_read(page, kind):
    (counter,) = metrics_of(page, kind, ["requests_total"])["requests_total"].values()

    assert (counter.value, counter.created) == (5, 1772452800)


@pytest.mark.parametrize("created", ["NaN", "yesterday", '{route="/other"} 1772452800'])
def test_an_invalid_creation_time_is_ignored(created):
    page = f"requests_total 5\nrequests_created {created}\n"
    (counter,) = metrics_of(page, TEXT, ["requests_total"])["requests_total"].values()

    assert (counter.value, counter.created) == (5, None)


@pytest.mark.parametrize("kind", [TEXT, OPENMETRICS])
@pytest.mark.parametrize("page", [
    "".join(f'requests_total{{unit="{unit}"}} 1\n' for unit in range(MOST_LINES + 1)),
    f'requests_total{{unit="{"x" * LONGEST_LINE}"}} 1\n',
], ids=["lines", "characters"])
def test_a_page_that_would_take_seconds_to_parse_is_refused(page, kind):
    with pytest.raises(UnreadablePage, match="fewer label sets"):
        values(f"{page}# EOF\n", kind=kind)


def test_lines_of_other_metrics_are_not_limited():
    others = "".join(f'other_total{{unit="{unit}"}} 1\n' for unit in range(MOST_LINES + 1))

    assert amounts(f"{others}requests_total 5\n") == [5]


def test_a_declared_metric_without_samples_is_missing():
    assert values("# HELP requests_total So far.\n# TYPE requests_total counter\n") == {}
