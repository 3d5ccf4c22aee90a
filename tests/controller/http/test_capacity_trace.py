import numpy as np
import pytest

from controller.http.capacity_trace import CapacityTrace

FIRST = 29_000_000


def known(values):
    return [None if np.isnan(each) else int(each) for each in values]


def test_each_minute_is_returned_as_stored():
    trail = CapacityTrace(["a", "b"])
    trail.note(FIRST, {"a": (3, 1), "b": (None, None)})
    trail.note(FIRST + 1, {"a": (3, 3), "b": (70_000, 0)})

    requested, ready = trail.rows("a", FIRST - 1, FIRST + 3)
    assert (known(requested), known(ready)) == ([None, 3, 3, None], [None, 1, 3, None])
    assert known(trail.rows("b", FIRST, FIRST + 2)[0]) == [None, 65_534]


@pytest.mark.parametrize("gap", [1, 5, 1439, 1440, 5000])
def test_skipped_minutes_are_unknown_and_old_ones_are_dropped(gap):
    trail = CapacityTrace(["a"])
    for minute in (FIRST, FIRST + gap):
        trail.note(minute, {"a": (7, 7)})

    ready = trail.rows("a", FIRST, FIRST + gap + 1)[1]
    assert np.flatnonzero(~np.isnan(ready)).tolist() == ([0, gap] if gap < 1440 else [gap])
