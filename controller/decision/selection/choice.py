"""What the selector chose, and the rule in words. Pure."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.decision.selection.candidates import CANDIDATES

CHOSEN = len(CANDIDATES)
"""The row of the choice itself among the rules judged."""

MIXED, STEPPED_BACK = CHOSEN, 2 * CHOSEN
"""Added to a candidate's number in `Choice.rule`: it leads a mixture; or it is followed because the mixture has cost more."""


class Choice(NamedTuple):
    """Wanted `metric_delay` after each minute fed, [pools, n]: units, whether history sufficed to judge, the rule followed."""

    target: NDArray[np.float64]
    trusted: NDArray[np.bool_]
    rule: NDArray[np.int16]
    """For `rule_name`."""


def rule_name(rule: int) -> str:
    """In words, for people: a candidate, and in what part."""
    name = CANDIDATES[rule % CHOSEN].name
    if rule >= STEPPED_BACK:
        return f"{name} (the ensemble has cost more recently)"
    return f"weighted ensemble (top rule: {name})" if rule >= MIXED else name
