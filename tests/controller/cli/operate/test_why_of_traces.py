"""The target follows by hand from `stoker why` at several minutes of every recorded history, where the histories are present."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from controller.decision.planning.observation import Proposal
from controller.decision.planning.pool_state.state import PoolState
from controller.decision.selection.selector import CandidateSelector
from tests.builders import observation, pool_policy
from tests.by_hand import target_of
from tests.controller.cli.operate.test_why_by_hand import TERMS, explained, printed

TRACES = sorted((Path(__file__).parents[5] / "shared" / "traces").glob("*.csv.gz"))
FIRST = 29_000_160
ENDS = (1300, 2000, 2881, 3333, 4000)


def demand_of(path):
    """Peak, busy and invocations of the first minutes of a recording, float32[1, n] each; NaN where unknown."""
    with gzip.open(path, "rt") as file:
        rows = [row for _, row in zip(range(ENDS[-1]), csv.DictReader(file), strict=False)]
    return [np.array([[float(row[name] or "nan") for row in rows]], np.float32)
            for name in ("max_concurrency", "avg_concurrency", "invocations")]


@pytest.mark.skipif(not TRACES, reason="the recorded histories are not here")
@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.name.removesuffix(".csv.gz"))
def test_the_target_follows_by_hand_from_text_and_json(path):
    rows, selector, start, before, requested = demand_of(path), CandidateSelector([TERMS]), 0, None, 3
    policy = pool_policy(min=2, max=max(3, int(np.nanmax(rows[0]) * 0.7)), max_step_up=7)
    for end in ENDS:
        choice = selector.advance(*(row[:, start:end] for row in rows), FIRST + start)
        basis = selector.bases()[0].detach()
        proposed = float(choice.target[0, basis.minute - FIRST - start])
        seen = observation(requested=requested, proposal=Proposal(proposed, "rule", basis.known >= 1440, basis))
        plan, body = explained(policy, PoolState(), seen, before)
        rules = body["rules"]

        assert target_of(printed(body)) == plan.target
        assert basis.target == proposed
        assert sum(each["weight"] * each["units"] for each in rules) / sum(each["weight"] for each in rules) == basis.exact
        start, before, requested = end, plan, plan.target
