"""Minutes in which Cloud Monitoring is proven to work, so that an absent point means zero requests. Arrays only, no I/O."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapters.ports.minute_rows import STEADY, UNSETTLED, Mask, Minutes, edges, sudden

IDLE_LONG = 5
"""Minutes with idle instances only, before all instances end, which distinguish a project without traffic from an outage."""

LATE = 10
"""Minutes after which telemetry that must have points counts as missing."""


@dataclass(frozen=True, slots=True)
class ProjectActivity:
    """Minutes in which any service of the project had an instance.

    `minutes`: int64[n], sorted minutes with a point. `idle_long`: bool[n], whether no instance was active in the `IDLE_LONG`
    consecutive minutes that end with this one. If points end after such a minute, the project has no traffic.
    """

    minutes: NDArray[np.int64]
    idle_long: NDArray[np.bool_]

    @classmethod
    def of(cls, first: int, active: Minutes, idle: Minutes) -> "ProjectActivity":
        """Return the activity by counts of instances, float64[n] each by minute from `first` on, NaN where there is no point."""
        at = np.flatnonzero(~np.isnan(active) | ~np.isnan(idle))
        order = np.arange(len(at))
        idle_for = order - np.maximum.accumulate(np.where(np.nan_to_num(active[at]) > 0, order, -1))
        idle_from = at[np.maximum(order - IDLE_LONG + 1, 0)]
        return cls(at + first, (idle_for >= IDLE_LONG) & (at - idle_from == IDLE_LONG - 1))

    def after(self, earlier: "ProjectActivity | None") -> "ProjectActivity":
        """Return this activity, with the last minute of `earlier` and its `idle_long` for minutes that both contain."""
        if earlier is None or not len(earlier.minutes):
            return self
        idle_long = self.idle_long | np.isin(self.minutes, earlier.minutes[earlier.idle_long])
        if len(self.minutes) and self.minutes[0] <= earlier.minutes[-1]:
            return ProjectActivity(self.minutes, idle_long)
        return ProjectActivity(np.concatenate((earlier.minutes[-1:], self.minutes)),
                               np.concatenate((earlier.idle_long[-1:], idle_long)))


def proven_minutes(activity: ProjectActivity, first: int, end: int, *, warm_since: int | None, trusting: bool = False) -> Mask:
    """Return bool[end - first]: minutes in which telemetry worked for certain, so that an absent point means no request.

    A point of any service in a minute proves that minute and no other. Minutes without any point are also proven after the
    project scaled to zero: its instances were idle for minutes and then ended, as Cloud Run does after the last request. This
    holds only before minute `warm_since`, since when some instance has been kept warm and must have points (None: no instance
    is). If points end while an instance is active, the minutes after it are unknown, unless `trusting` is set by the policy; then
    only a sudden end is unknown.
    """
    start = first - 2 * STEADY
    minutes, has_point = np.arange(start, end), np.zeros(end - start, bool)
    has_point[activity.minutes[(activity.minutes >= start) & (activity.minutes < end)] - start] = True
    at_zero = np.zeros(len(minutes), bool)
    if len(activity.minutes):
        last_point = np.searchsorted(activity.minutes, minutes, "right") - 1
        at_zero = (last_point >= 0) & activity.idle_long[np.maximum(last_point, 0)] & ~has_point
        at_zero &= minutes < (end if warm_since is None else warm_since)
    trusted = ~has_point & ~at_zero & trusting & (minutes < end - UNSETTLED)
    working = has_point | at_zero | (trusted & ~sudden(has_point, trusted | at_zero))
    proof: Mask = working & ~edges(has_point, working)
    return proof[first - start :]


def telemetry_works(activity: ProjectActivity, end: int, *, kept_warm: bool) -> bool | None:
    """Return whether telemetry works at minute `end`.

    True with a point in the last `LATE` minutes. Without one: False when some instance is `kept_warm`, for long enough to have
    points, and None when no instance need exist.
    """
    if len(activity.minutes) and end - 1 - int(activity.minutes[-1]) <= LATE:
        return True
    return False if kept_warm else None
