"""Warm units after scale-in and after use."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from config.model.lever import LeverSettings
from config.model.policy import Assume
from controller.decision.costs.bill import cold_starts_of, judged_demand
from controller.decision.costs.cold_starts import Warm
from controller.decision.costs.cost_model import terms_of
from forecasting.demand import DemandSeries
from tests.builders import pool_policy

floors = st.lists(st.tuples(st.integers(0, 9), st.floats(0, 1)), min_size=1, max_size=40)


@given(floors, st.integers(0, 6))
def test_scale_in_of_units_that_stay_warm_causes_no_cold_start(rows, keep_alive):
    ready = np.array([units for units, _ in rows], np.int64)
    kept = np.array([ready[max(0, at - keep_alive) : at + 1].max() for at in range(len(ready))])
    peak = np.floor(kept * [share for _, share in rows]).astype(np.float32)  # within what was kept in the keep-alive
    warm, spans = Warm(1), np.array([keep_alive], float)
    started = [warm.advance(np.array([most]), np.array([units], float), np.array([units], float), spans)[0]
               for most, units in zip(peak, ready, strict=True)]

    assert cold_starts_of(judged_demand(DemandSeries(0, peak, peak, peak)), ready, keep_alive, stay_warm=True).sum() == 0
    assert started == [0] * len(ready)


def test_only_provisioned_concurrency_stops_at_scale_in():
    kinds = ("lambda-provisioned-concurrency", "lambda-ping", "cloud-run-min-instances", "http-ping")
    pools = {kind: pool_policy().model_copy(update={"lever": LeverSettings(kind=kind)}) for kind in kinds}

    assert [kind for kind, pool in pools.items() if not terms_of(pool, Assume()).stay_warm] == [kinds[0]]


def test_a_longer_keep_alive_covers_all_known_minutes():
    warm, none = Warm(2), np.zeros(2)
    short, long = np.array([1.0, 4.0]), np.array([6.0, 4.0])
    for most in (5.0, 0.0, 0.0):
        warm.advance(np.full(2, most), none, none, short)

    assert warm.advance(np.full(2, 5.0), none, none, long).tolist() == [0, 0]
