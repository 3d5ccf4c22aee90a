"""Intervals of the reads of a pool, in minutes. Imports nothing: a policy is checked without waiting for arrays."""

QUARTER = 15
"""Between two reads of everything, and between two reads of a pool that waits."""

MOVING, SETTLED, RECENT = 2, 3, 15
"""Between two reads of the peak in the `RECENT` minutes after the proposal changed, and later."""

UNWANTED, QUIET = 8 * 1440, 60
"""Minutes without a proposed unit after which a pool waits; it sleeps if it also had no demand for this time. Rules propose
units at the hours of earlier days and weeks, before any demand: a pool that had none for 8 days has none for such an hour.
"""

LATELY = 120
"""Minutes without a proposed unit after which a peak above the units does not shorten the interval. After a start of the daemon,
which does not know earlier proposals, the pool then waits if it had no demand in the day before.
"""

UNWOKEN = 5
"""Between two reads of a sleeping pool that nothing wakes."""

MINUTES_A_MONTH = 730 * 60
