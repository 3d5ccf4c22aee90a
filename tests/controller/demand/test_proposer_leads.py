"""Leading signals in the proposer: read as far as a decision may know them, without effect while they are unknown."""

from datetime import timedelta

import numpy as np
import pytest

from adapters.ports.demand_source import Telemetry
from controller.decision.costs.cost_model import CostTerms
from controller.demand.collector import DemandCollector
from controller.demand.proposer import Proposer
from forecasting.demand import DemandSeries, minute_of
from tests.builders import NOON

MINUTE = timedelta(minutes=1)
START, HISTORY, AHEAD = minute_of(NOON), 3 * 1440, 9
TERMS = CostTerms(idle=2.5e-4, warm_busy=5.8e-4, on_demand=1e-3, init_seconds=8.0, cold_start_cost_usd=0.05, metric_delay=2,
                  lead_time=2, keep_alive=6)


def bursts() -> np.ndarray:
    """Demand of 4 units for 3 min, once in each 70 to 130 min, until 2 h after `NOON`."""
    rng, peak, at = np.random.default_rng(1), np.zeros(HISTORY + 150, np.float32), 30
    while at < len(peak) - 5:
        peak[at : at + 3] = 4
        at += int(rng.integers(70, 130))
    return peak


PEAK = bursts()


class Traffic:
    """A source of the demand in `PEAK` for pool `a`, and half as much for pool `b`."""

    kind = "traffic"

    async def collect(self, pools, since, until):
        end = minute_of(until)
        return {name: Telemetry(self._series(name, minute_of(since[name]), end), True) for name in pools}

    def _series(self, name, first, end):
        first = max(first, START - HISTORY)
        peak = PEAK[first - START + HISTORY : end - START + HISTORY] * (1.0 if name == "a" else 0.5)
        return DemandSeries(first, peak, peak / 2, peak * 10)

    def monthly_cost_usd(self, pools, interval):
        return 0.0


class Signals:
    """A signal of pool `a` that is known without a delay, `AHEAD` minutes before demand; from `dead` on it is unknown."""

    def __init__(self, delay=1, dead=None):
        self.delays, self.dead, self.asked = delay, dead, []

    def names(self, pool):
        return ("queue",) if pool == "a" else ()

    def delay(self, pool):
        return (self.delays,) if pool == "a" else ()

    async def signals(self, pool, first, until):
        assert pool == "a"
        self.asked.append((first, until))
        rows = np.arange(first, until) - START + HISTORY + AHEAD
        values = np.where((rows >= 0) & (rows < len(PEAK)), PEAK[np.clip(rows, 0, len(PEAK) - 1)] * 3, np.nan)
        if self.dead is not None:
            values[np.arange(first, until) >= self.dead] = np.nan
        return values[None].astype(np.float32)


@pytest.fixture
async def collector(store):
    made = DemandCollector(Traffic(), ["a", "b"], store, 2 * MINUTE)
    await made.collect(NOON)
    return made


async def proposals(collector, leads, minutes=100):
    """Return the targets of both pools in each minute after `NOON`, and the proposer."""
    proposer, targets = Proposer(collector, dict.fromkeys("ab", TERMS), None, leads), []
    for minute in range(minutes):
        now = NOON + minute * MINUTE
        await collector.collect(now)
        await proposer.follow(collector, now)
        targets.append([proposer.proposal(name).target for name in "ab"])
    return np.array(targets), proposer


async def test_a_signal_raises_its_pool_before_demand_and_no_other_pool(collector):
    signals = Signals()
    with_lead, proposer = await proposals(collector, signals)
    without, _ = await proposals(collector, None)
    bursts = np.flatnonzero(PEAK[HISTORY : HISTORY + 100] > 0)[::3]

    assert len(bursts)
    assert all(with_lead[at - 2, 0] == 4 for at in bursts)
    assert not (with_lead[:, 0] == without[:, 0]).all()
    assert (with_lead[:, 1] == without[:, 1]).all()
    assert signals.asked[-1][1] == collector.known_end_minute(NOON + 99 * MINUTE) + 1
    lead = proposer.proposal("a").basis.lead
    assert (lead.name, lead.followed) == ("queue", True)
    assert proposer.proposal("b").basis.lead is None
    assert "leading signal queue" in str(proposer.proposal("a"))


async def test_each_proposal_follows_from_its_basis(collector):
    _, proposer = await proposals(collector, Signals(), 1)
    for minute in range(1, 60):
        await collector.collect(NOON + minute * MINUTE)
        await proposer.follow(collector, NOON + minute * MINUTE)
        proposal = proposer.proposal("a")
        assert proposal.basis.detach().target == proposal.target


async def test_a_signal_that_is_unknown_from_the_start_leaves_the_proposals_of_a_pool_without_signals(collector):
    with_lead, _ = await proposals(collector, Signals(dead=0), 40)
    without, _ = await proposals(collector, None, 40)

    assert (with_lead == without).all()


async def test_a_signal_that_fails_does_not_lower_the_proposal(collector):
    failing, _ = await proposals(collector, Signals(dead=START + 20))
    without, _ = await proposals(collector, None)

    assert (failing[20:] >= without[20:]).all()
    assert (failing[85:] == without[85:]).all()


async def test_learned_ratios_survive_a_restart(collector):
    _, proposer = await proposals(collector, Signals(), 1)
    other = Proposer(collector, dict.fromkeys("ab", TERMS), None, Signals())
    other.restore(proposer.state())
    await other.follow(collector, NOON)

    assert other.proposal("a").basis.lead == proposer.proposal("a").basis.lead
