"""Values of expressions: what is absent or impossible is unknown, and only a proof makes it zero."""

import numpy as np
import pytest

from adapters.aws.cloudwatch.metric_math import computed
from adapters.aws.expressions import parsed

NAN, INF = np.nan, np.inf
A, B = np.array([1.0, 4.0, NAN, 0.0]), np.array([2.0, NAN, NAN, 0.0])
NEVER = np.zeros(4, bool)


def value(text, proved=NEVER):
    return computed(parsed(text, ("a", "b")), {"a": A, "b": B}, proved).tolist()


@pytest.mark.parametrize(("text", "first"), [
    ("a + b", 3), ("b - a", 1), ("a * b / 4", 0.5), ("b ^ 3", 8), ("MAX([a, b])", 2), ("MIN([a, b])", 1), ("AVG([a, b])", 1.5),
    ("SUM([a, b, 1])", 4), ("CEIL(a / b)", 1), ("FLOOR(a / b)", 0), ("ABS(a - b)", 1), ("LOG10(a * 100)", 2), ("LOG(a)", 0),
    ("IF(a < b, 7, 8)", 7), ("IF(a == b OR a != 1, 7, 8)", 8), ("IF(a >= 1 && b <= 2, 7)", 7), ("a || b", 1),
])
def test_values_are_those_of_metric_math(text, first):
    tree = parsed(text, [name for name in ("a", "b") if name in text.lower().replace("abs", "")])

    assert computed(tree, {"a": A, "b": B}, NEVER)[0] == pytest.approx(first)


def test_a_minute_without_one_of_the_metrics_is_unknown():
    assert value("a + b")[0] == 3
    assert np.isnan(value("a + b")[1:3]).all()
    assert np.isnan(value("MAX([a, b])")[1:3]).all()
    assert np.isnan(value("IF(a > 1, a, b)")[1:3]).all()


def test_in_a_proved_minute_an_absent_metric_is_zero_and_the_other_still_counts():
    assert value("a + b", ~NEVER) == [3, 4, 0, 0]


def test_a_value_that_cannot_be_demand_is_not_zero():
    assert value("a - b")[0] == INF
    assert value("a / b")[3] == INF
    assert value("1 / a + b")[3] == INF
    assert value("a / b", ~NEVER) == [0.5, INF, INF, INF]
