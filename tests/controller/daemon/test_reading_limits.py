"""Slow reads of pools that save less than their reads cost, and of others above the limit of the fleet."""

from datetime import timedelta

import numpy as np
import pytest

from adapters.runtime.clock import ManualClock
from config.model.limits import Limits
from controller.daemon.reading_limits import limit_reads
from controller.demand.proposer import Proposer
from tests.builders import NOON
from tests.fakes import BilledSource, steady
from tests.worlds import world

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def play(tmp_path):
    clock, regions = ManualClock(NOON), ({"a": steady(2), "b": steady(3)}, {"c": steady(4)})
    sources = [BilledSource(each, delay=2, history=timedelta(days=2)) for each in regions]
    async with world(clock, tmp_path, *regions, sources=sources) as here:
        await here.minutes(63)
        yield here


def slowed(play):
    return {name for region in play.fleet.regions for name in region.collector.reading.slowed}


async def test_a_pool_that_saves_less_than_its_reads_cost_is_slowed(play, monkeypatch):
    monkeypatch.setattr(Proposer, "savings", lambda self: np.array([0.2, np.nan][: len(self._row)]))
    limit_reads(play.fleet, Limits())

    assert slowed(play) == {"a", "c"}
    monkeypatch.setattr(Proposer, "savings", lambda self: np.full(len(self._row), 50.0))
    limit_reads(play.fleet, Limits())
    assert slowed(play) == set()


async def test_the_limit_is_that_of_all_regions_together(play, monkeypatch):
    monkeypatch.setattr(Proposer, "savings", lambda self: np.array([20.0, 9.0] if len(self._row) == 2 else [30.0]))
    usual = sum(region.collector.reading.total_usd_per_month(MINUTE) for region in play.fleet.regions)
    limit_reads(play.fleet, Limits(metric_reads_usd_per_month=usual + 0.01))
    assert slowed(play) == set()

    limit_reads(play.fleet, Limits(metric_reads_usd_per_month=usual - 0.05))
    assert slowed(play) == {"b"}

    limit_reads(play.fleet, Limits(metric_reads_usd_per_month=0.1))
    assert slowed(play) == {"a", "b", "c"}


async def test_savings_are_known_after_a_day_and_positive_for_a_pool_that_pays(play):
    savings = np.concatenate([region.proposer.savings() for region in play.fleet.regions])

    assert not np.isnan(savings).any(), "two days of history"
