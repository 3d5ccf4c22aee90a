"""Expressions of metrics: what is accepted, and what is wrong with others."""

import pytest

from adapters.aws.expressions import DEEPEST, WrongExpression, names_in, parsed

NAMES = ("running", "waiting")


@pytest.mark.parametrize(("text", "tree"), [
    ("running+waiting", ("+", "running", "waiting")),
    ("(running + waiting) / 1.6e1", ("/", ("+", "running", "waiting"), 16.0)),
    ("running - waiting * 2 ^ 3", ("-", "running", ("*", "waiting", ("^", 2.0, 3.0)))),
    ("-running - waiting", ("-", ("-", 0.0, "running"), "waiting")),
    ("MAX([running, waiting])", ("MAX", "running", "waiting")),
    ("CEIL(running) + ABS(waiting)", ("+", ("CEIL", "running"), ("ABS", "waiting"))),
    ("IF(running > 3 AND waiting >= 1, running, waiting)",
     ("IF", ("AND", (">", "running", 3.0), (">=", "waiting", 1.0)), "running", "waiting")),
])
def test_operators_bind_as_in_metric_math(text, tree):
    assert parsed(text, NAMES) == tree
    assert names_in(tree) == set(NAMES)


@pytest.mark.parametrize(("text", "words"), [
    ("running", "it does not use waiting"),
    ("running + waiting + idle", "idle is neither a metric nor a function that is allowed: the metrics are running, waiting"),
    ("FILL(running, 0) + waiting", "FILL is neither"),
    ("SUM(METRICS()) + running + waiting", "'[' is missing before 'METRICS'"),
    ("MAX(running) + waiting", "'[' is missing before 'running'"),
    ("running + waiting)", "')' is not expected"),
    ("(running + waiting", "')' is missing at the end"),
    ("running waiting", "'waiting' is not expected"),
    ("running +", "it ends too early"),
    ("running + waiting; DROP", "'; DROP' is not expected"),
    ("SEARCH('x') + running", "is not expected"),
    ("--running + waiting", "'-' is not expected"),
    ("CEIL(running, waiting)", "2 values are given"),
    ("IF(running) + waiting", "1 values are given before ')': 2 to 3"),
    ("(" * (DEEPEST + 1), f"more than {DEEPEST} brackets"),
    ("", "it ends too early"),
])
def test_a_wrong_expression_is_explained(text, words):
    with pytest.raises(WrongExpression) as raised:
        parsed(text, NAMES)

    assert words in str(raised.value)


def test_the_longest_expression_is_parsed_or_refused_without_a_crash():
    for text in ("(" * 1000, "-" * 999 + "1", "1" + "+1" * 499, "(" * 20 + "1" + "+1" * 60):
        try:
            parsed(text, ())
        except WrongExpression:
            continue
