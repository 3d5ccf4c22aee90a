import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forecasting.empirical import sample_quantiles
from forecasting.protocol import LEVELS, at_levels
from forecasting.scale import MOST, rooted, tamed, unrooted, whole_units

WANTED = (0.1, 0.2, 0.3, 0.5, 0.61, 0.77, 0.8, 0.88, 0.93, 0.95, 0.971, 0.99)
UNITS = st.floats(0, 60_000, width=32)


@given(arrays(np.float32, (4, len(LEVELS)), elements=UNITS))
def test_interpolated_levels_stay_in_order_and_calibrated_ones_are_unchanged(grid):
    grid = np.sort(grid, axis=1)
    read = at_levels(grid, WANTED)
    assert (np.diff(read, axis=1) >= 0).all()
    np.testing.assert_array_equal(at_levels(grid, LEVELS), grid)


@given(UNITS)
def test_equal_levels_give_equal_interpolated_levels(value):
    assert (at_levels(np.full((1, len(LEVELS)), value, np.float32), WANTED) == np.float32(value)).all()


@given(arrays(np.float32, 9, elements=UNITS), st.integers(0, 9))
def test_quantiles_of_samples_ignore_unknown_values(samples, unknown):
    known = samples[unknown:]
    holed = np.concatenate([known, np.full(unknown, np.nan, np.float32)])[None]
    found = sample_quantiles(np.random.default_rng(0).permuted(holed, axis=1), LEVELS)[0]
    if len(known):
        np.testing.assert_array_equal(found, np.quantile(known, LEVELS, method="inverted_cdf").astype(np.float32))
    else:
        assert np.isnan(found).all()


def test_quantiles_without_samples_are_unknown():
    assert np.isnan(sample_quantiles(np.empty((2, 0), np.float32), LEVELS)).all()


def test_invalid_demand_is_unknown_and_excessive_demand_is_capped():
    tame = tamed(np.array([-1, np.inf, -np.inf, np.nan, 3, 1e9]))
    np.testing.assert_array_equal(tame, np.array([np.nan, np.nan, np.nan, np.nan, 3, MOST], np.float32))


@given(st.integers(0, 60_000))
def test_a_count_survives_its_square_root(count):
    assert whole_units(unrooted(rooted(np.float32(count)))) == count
