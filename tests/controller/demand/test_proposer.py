"""Learning and accounting use settled rows, not the values read first."""

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest

from adapters.aws.cloudwatch.demand_rows import Points, demand
from adapters.ports.demand_source import Telemetry
from controller.accounting.ledger import GroupLedger
from controller.decision.costs.cost_model import CostTerms
from controller.decision.selection.selector import CandidateSelector
from controller.demand.collector import DemandCollector
from controller.demand.proposer import Proposer
from forecasting.demand import DemandSeries, minute_of
from tests.builders import NOON

MINUTE = timedelta(minutes=1)
START = minute_of(NOON)
BEFORE, PLAYED = 120, 150
TERMS = CostTerms(idle=2.5e-4, warm_busy=5.8e-4, on_demand=1e-3, init_seconds=8.0, cold_start_cost_usd=0.05, metric_delay=2,
                  lead_time=2, keep_alive=6)
POOLS = ("a", "b", "c")


class Published:
    """A source that publishes what `row(pool, minute, age)` says of a minute at an age in minutes, peak, busy and requests."""

    kind = "published"

    def __init__(self, row: Callable[[str, int, int], tuple[float, float, float]]) -> None:
        self.row = row

    async def collect(self, pools, since, until):
        end = minute_of(until)
        return {name: Telemetry(self._series(name, max(minute_of(since[name]), START - BEFORE), end), True) for name in pools}

    def _series(self, name, first, end):
        rows = [self.row(name, minute, end - minute) for minute in range(first, end)]
        return DemandSeries(first, *np.array(rows, np.float32).reshape(-1, 3).T.copy())

    def monthly_cost_usd(self, pools, interval):
        return 0.0


class Books:
    """Collector, proposer and ledger of some pools, as in a daemon."""

    def __init__(self, source, store, pools=POOLS):
        self.collector = DemandCollector(source, pools, store, 2 * MINUTE)
        self.terms = [TERMS] * len(pools)
        self.proposer = Proposer(self.collector, dict.fromkeys(pools, TERMS))
        self.account = GroupLedger(pools, {}, {}, NOON)

    async def tick(self, now):
        await self.collector.collect(now)
        await self.proposer.follow(self.collector, now)
        self.account.ready(np.ones(len(self.terms), np.float32), now)
        first, end = self.account.pending_from(), self.collector.settled_end_minute(now)
        if first < end:
            self.account.settle(first, *await self.collector.rows(first, end), self.terms)


def same(one, other):
    mine, theirs = one.state(), other.state()
    return mine.keys() == theirs.keys() and all(np.array_equal(mine[key], theirs[key], equal_nan=True) for key in mine)


def trained(rows, first):
    selector = CandidateSelector([TERMS] * len(rows[0]))
    selector.advance(*rows, first)
    return selector


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_accounts_and_rules_use_final_rows_though_points_are_partial_at_first(seed, store):
    """2 % of the points are published with a part of their value, and are right up to five minutes later."""
    rng = np.random.default_rng(seed)
    peak = rng.poisson(4, (len(POOLS), BEFORE + PLAYED)).astype(np.float32)
    partial, late = rng.random(peak.shape) < 0.02, rng.integers(1, 6, peak.shape)

    def row(name, minute, age):
        at = POOLS.index(name), minute - START + BEFORE
        if age < 2:
            return (np.nan,) * 3
        whole = not partial[at] or age >= 2 + late[at]
        units = peak[at] if whole else np.ceil(peak[at] * 0.4)
        return units, units * 0.5, units * 10

    books = Books(Published(row), store)
    for minute in range(PLAYED):
        await books.tick(NOON + minute * MINUTE)
    first, fed = START - BEFORE, books.proposer._learned_until
    final = peak, peak * np.float32(0.5), peak * 10
    settled = [column[:, : fed - first] for column in final]
    account = GroupLedger(POOLS, {}, {}, NOON)
    for minute in range(PLAYED):
        account.ready(np.ones(len(POOLS), np.float32), NOON + minute * MINUTE)
        this = slice(BEFORE + minute, BEFORE + minute + (START + minute < fed))
        account.settle(START + minute, *(column[:, this] for column in final), books.terms)

    assert fed >= START + PLAYED - 16
    assert same(books.proposer._selector, trained(settled, first))
    assert np.array_equal(books.account.ever, account.ever)


async def test_an_idle_minute_after_traffic_is_learned_as_zero_and_a_raise_is_not_delayed(store):
    """Its newest minute is in doubt as long as it was at work lately; a pool of the same region has points of every minute."""
    burst = range(START + 40, START + 45)
    units = {"steady": lambda _: 3.0, "bursty": lambda minute: 7.0 if minute in burst else np.nan}

    class Region(Published):
        def _series(self, name, first, end):
            seen = np.array([units[name](minute) if minute < end - 1 else np.nan for minute in range(first, end)])
            proof = np.arange(first, end) < end - 1
            return demand(Points(first, 10 * seen, seen, 3000 + 0 * seen, np.nan * seen), proof, proof, 3000.0, end - 2)

        async def collect(self, pools, since, until):
            told = await super().collect(pools, since, until)
            return {name: Telemetry(each.series, True, absent=~(each.series.peak > 0)) for name, each in told.items()}

    books = Books(Region(None), store, ("steady", "bursty"))
    wanted = {}
    for minute in range(120):
        await books.tick(NOON + minute * MINUTE)
        wanted[minute] = books.proposer.proposal("bursty").target
    first, fed = START - BEFORE, books.proposer._learned_until
    peak, _, _ = await books.collector.rows(first, fed)
    rows = [books.collector.day.window(row, first, fed) for row in range(2)]

    assert fed > burst.stop + 30
    assert np.nansum(peak[1]) == 7 * len(burst)
    assert not np.isnan(peak).any()
    final = [np.stack([getattr(each, kind) for each in rows]) for kind in ("peak", "busy", "invocations")]
    assert same(books.proposer._selector, trained(final, first))
    raised = [minute for minute, target in wanted.items() if target > 0]
    assert raised[0] == burst.start - START + 2, "a raise is decided by a minute that has not settled"
    assert raised[-1] - raised[0] <= 60 + len(burst) + 2, "what is released waits for the doubt about one minute, no longer"
