"""Rows of the bill by kind of cost."""

import numpy as np
import pytest

from controller.accounting.ledger import GroupLedger, Ledger
from controller.decision.costs.cost_model import CostTerms, Pings, TopTerms
from controller.decision.costs.work_above import work_above
from controller.metrics.rows_by_kind import counter_rows
from forecasting.demand import minute_of
from tests.builders import NOON

TERMS = CostTerms(1.0, 2.0, 10.0, 60.0, 5.0, 2, 0, 2, request_usd=0.5, top=TopTerms(0.125, Pings(0.25, 0.0, 120.0)))


def test_pings_of_an_upper_layer_are_a_kind_of_their_own():
    ledger = GroupLedger(["a"], {}, {}, NOON)
    ledger.ready(np.float32([2]), NOON, pinged=np.float32([4]))
    ledger.settle(minute_of(NOON), *(np.float32([[value]]) for value in (8, 5, 9)), [TERMS])
    rows = counter_rows(Ledger([ledger], {"a": "active"}), "actual", ["a"], ['pool="a"'])["stoker_actual_bill_usd_total"]

    parts = dict(rows)
    assert parts['pool="a",kind="pings"'] == 4 * 0.125
    assert parts['pool="a",kind="init"'] == pytest.approx(2 * 10)
    above = float(work_above(np.array([5.0]), np.array([8.0]), np.array([2.0]), False)[0])
    assert sum(parts.values()) == pytest.approx(2 * 1.0 + (5 - above) * 2.0 + above * 10.0 + 20 + 9 * 0.5 + 0.5)
