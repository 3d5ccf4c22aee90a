"""Increase of counters of several units that start, stop and restart between two readings."""

from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.web.counters import CLOCK_SKEW_SECONDS, increase
from adapters.web.exposition import Value


def page(**units) -> dict:
    """Return label sets by unit; a pair is a value and the creation time of its counter."""
    values = {name: value if isinstance(value, tuple) else (value,) for name, value in units.items()}
    return {frozenset({("unit", name)}): Value(*value) for name, value in values.items()}


def rise(before: dict, after: dict) -> float:
    return increase(before, after, 1000.0, 1060.0)


@pytest.mark.parametrize(("before", "after", "expected"), [
    (page(a=100, b=200_000), page(a=150, b=200_000), 50),
    (page(a=100_000, b=100_000, c=100_050), page(a=100_020, b=100_030), 50),   # one unit of three ends
    (page(a=100_000, b=100), page(a=20, b=130), 50),                          # one restarts, under its name
    (page(a=100), page(a=150, b=200_000), 50),                                # one is new, and may be old
    (page(a=100), page(a=150, b=(20, 1030.0)), 70),                           # one is new, and began since
    (page(a=100), page(a=150, b=(200_000, 900.0)), 50),                       # one is new to the page only
    (page(a=(100, 10.0)), page(a=(7, 1030.0)), 7),
    (page(a=(100, 10.0)), page(a=(700, 1030.0)), 700),                        # restarted, and already above
    (page(a=(100, 1010.0)), page(a=(130, 1010.0)), 30),                       # began while the page was being read
    (page(a=(100, 10.0)), page(a=130), 30),
    (page(a=5), page(a=5), 0),
])
def test_increases_are_calculated_per_label_set(before, after, expected):
    assert rise(before, after) == expected


@pytest.mark.parametrize(("before", "after"), [
    (page(a=9000), page(b=40)),                                               # every unit was replaced
    (page(), page(b=40)),
    (page(a=(200_000, 10.0)), page(a=(7, 20.0))),                             # another process answers under the same name
    (page(a=(7, 20.0), b=1), page(a=(200_000, 10.0), b=2)),
    (page(a=(100, 10.0)), page(a=(7, 10.0))),                                 # fell without beginning anew
    (page(a=(100, 10.0)), page(a=(7, 1060.0 + 2 * CLOCK_SKEW_SECONDS))),      # said to begin in the future
])
def test_an_unproved_increase_is_unknown(before, after):
    assert isnan(rise(before, after))


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 50), st.sampled_from(("goes on", "ends", "restarts", "begins"))),
                min_size=1, max_size=6))
def test_changing_units_never_add_requests(units):
    before, after, made = {}, {}, 0
    for number, (so_far, served, fate) in enumerate(units):
        labels, made = frozenset({("unit", str(number))}), made + served
        if fate != "begins":
            before[labels] = Value(so_far + served * (fate == "restarts"))  # a restart is known by a fall
        if fate != "ends":
            after[labels] = Value(served if fate == "restarts" else so_far + served)
    risen = rise(before, after)

    assert isnan(risen) or risen <= made
