"""Text of PromQL queries."""

import pytest

from adapters.prometheus.promql import expanded, proof_fault, text_fault


def test_the_name_of_the_pool_replaces_the_placeholder_in_values_of_labels():
    assert expanded('sum(x{app="{pool}", ns=\'{pool}-ns\', c=`{pool}`})', "a.b_c-d") == (
        'sum(x{app="a.b_c-d", ns=\'a.b_c-d-ns\', c=`a.b_c-d`})')


def test_in_a_regular_expression_a_dot_of_the_name_matches_only_a_dot():
    assert expanded('x{a=~"{pool}-.*", b !~ "{pool}", c="{pool}"}', "a.b") == 'x{a=~"a[.]b-.*", b !~ "a[.]b", c="a.b"}'


@pytest.mark.parametrize("query", ['x{a="\\"{pool}"}', "x{a='it\\'s {pool}'}"])
def test_a_quote_within_a_string_does_not_end_it(query):
    assert text_fault(query) is None
    assert "agent" in expanded(query, "agent")


@pytest.mark.parametrize("query", ["{pool}_in_flight", "x{app={pool}}", 'x{a="b"} + {pool} # "{pool}"'])
def test_a_placeholder_outside_quotes_is_a_fault(query):
    assert "stands outside quotes" in text_fault(query)


def test_a_variable_of_grafana_is_a_fault():
    assert "$__" in text_fault("sum(rate(x[$__rate_interval]))")


@pytest.mark.parametrize(("query", "fault"), [
    ('sum(rate(x{a="(["}[1m])) # )', None), ("sum(x))", "its brackets do not match: correct them"),
    ("sum(x) ) or ( y", "its brackets do not match: correct them"), ("sum(x]", "its brackets do not match: correct them"),
])
def test_brackets_must_match(query, fault):
    assert text_fault(query) == fault


@pytest.mark.parametrize("query", [
    "max_over_time(x[1m])", "sum(rate(x[2m]))", "increase(x[90s])", "x[1m30s]", "x[60]",
    "max_over_time(sum(rate(x[1m]))[1m:15s])",
    'max_over_time(x{a="vector(0)"}[1m])', "min_over_time(up[1m]) # or vector(0)",
])
def test_a_query_with_a_short_range_proves_its_minutes(query):
    assert proof_fault(query) is None


@pytest.mark.parametrize(("query", "words"), [
    ("sum(x)", "repeats the last value for 5 min"),
    ('x{a=~"[1m]"}', "repeats the last value"),
    ("max_over_time(x[1m:15s])", "repeats the last value"),
    ("sum(rate(x[5m]))", "longer than 2 min"),
    ("max_over_time(sum(rate(x[2m]))[1m:])", "longer than 2 min"),
    ("x[1m+1m]", "not a duration"),
    ("sum(max_over_time(x[1m])) or vector(0)", "vector() returns a value also while metrics are missing"),
    ("1 - absent(x[1m])", "absent()"),
])
def test_a_query_that_has_values_while_metrics_are_missing_proves_nothing(query, words):
    assert words in proof_fault(query)
