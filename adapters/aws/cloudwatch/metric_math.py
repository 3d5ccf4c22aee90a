"""Values of expressions of metrics by minute. Arrays only, no I/O."""

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, cast

import numpy as np

from adapters.aws.expressions import Tree
from adapters.ports.minute_rows import Mask, Minutes

OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "^": np.power, "==": np.equal, "!=": np.not_equal,
    "<": np.less, ">": np.greater, "<=": np.less_equal, ">=": np.greater_equal, "AND": np.logical_and, "&&": np.logical_and,
    "OR": np.logical_or, "||": np.logical_or,
}
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "ABS": np.abs, "CEIL": np.ceil, "FLOOR": np.floor, "LOG": np.log, "LOG10": np.log10,
    "AVG": lambda *values: reduce(np.add, values) / len(values), "MAX": lambda *values: reduce(np.maximum, values),
    "MIN": lambda *values: reduce(np.minimum, values), "SUM": lambda *values: reduce(np.add, values),
    "IF": lambda condition, one, other=np.nan: np.where(condition != 0, one, other),
}


def computed(tree: Tree, metrics: Mapping[str, Minutes], proved: Mask) -> Minutes:
    """Return the value of an expression by minute: NaN where a point is absent, infinity where the value cannot be demand.

    `metrics`: by name, NaN without a point. An absent point in a `proved` minute is zero. A value that is negative, infinite or
    not a number cannot be demand.
    """
    inputs = {name: np.where(np.isnan(column) & proved, 0.0, column) for name, column in metrics.items()}
    known = ~np.isnan(list(inputs.values())).any(axis=0)
    with np.errstate(all="ignore"):
        values = np.broadcast_to(np.asarray(_value(tree, inputs), np.float64), known.shape)
    possible = np.isfinite(values) & (values >= 0)
    return np.where(known, np.where(possible, values, np.inf), np.nan)


def _value(tree: Tree, inputs: Mapping[str, Minutes]) -> Any:  # noqa: ANN401  (an array or a number)
    if isinstance(tree, float):
        return tree
    if isinstance(tree, str):
        return inputs[tree]
    name, arguments = cast("str", tree[0]), [_value(cast("Tree", each), inputs) for each in tree[1:]]
    return OPERATORS[name](*arguments) if name in OPERATORS else FUNCTIONS[name](*arguments)
