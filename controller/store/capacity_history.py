"""History of a pool's requested units, derived from its recorded decisions."""

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from controller.decision.costs.kinds import KIND_OF_MODE, Mode
from controller.decision.planning.plan import WOULD_WRITE, Action
from controller.store.codec import micros
from controller.store.state_store import Store
from forecasting.demand import MINUTES_PER_DAY, instant_of, minute_of


def requested_history(store: Store, pool: str, mode: Mode, first_minute: int, end_minute: int) -> NDArray[np.float64] | None:
    """Return the units requested in each minute of [first_minute, end_minute) by decisions in `mode`, simulated in shadow; NaN
    before the first decision; None without any.

    It reads the decisions of the last day before the end, and the newest one before that.
    """
    since = max(first_minute, end_minute - MINUTES_PER_DAY)
    decisions = store.decisions(pool, instant_of(since), MINUTES_PER_DAY) + store.decisions(
        pool, limit=1, before=(micros(instant_of(since)), 0))
    if not decisions:
        return None
    units = np.full(end_minute - first_minute, np.nan)
    for decision in reversed(decisions):
        at = max(0, minute_of(datetime.fromisoformat(decision["at"])) - first_minute)
        writes = decision["action"] in (Action.WRITE, WOULD_WRITE)
        units[at:] = np.nan if decision["mode"] != mode else decision["target" if writes else f"{KIND_OF_MODE[mode]}_requested"]
    return units
