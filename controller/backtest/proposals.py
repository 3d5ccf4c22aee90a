"""Proposals of a selector for one pool, row by row of its history. Pure."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Proposals(NamedTuple):
    """Choice of the selector for one pool, see `Choice`. Row i applies `metric_delay` after the minute of row i."""

    target: NDArray[np.float64]
    trusted: NDArray[np.bool_]
    leader: NDArray[np.int16]
    mode: NDArray[np.int8]
    level: NDArray[np.float64]

    def of_rows(self, rows: NDArray[np.int64]) -> "Proposals":
        """Return the proposals of some rows."""
        return Proposals(self.target[rows], self.trusted[rows], self.leader[rows], self.mode[rows], self.level[rows])
