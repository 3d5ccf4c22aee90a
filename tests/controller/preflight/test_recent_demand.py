"""What 14 days of demand are taken to be, read once."""

import numpy as np

from adapters.ports.demand_source import Telemetry
from adapters.push.demand_source import PushDemand
from adapters.push.settings import PushSettings
from adapters.runtime.clock import ManualClock
from controller.preflight.recent_demand import recent_demand
from forecasting.demand import DemandSeries, minute_of
from tests.builders import NOON


class Source:
    """Has four minutes, of which one has requests at zero concurrency."""

    kind = "fixed"

    async def collect(self, pools, since, until):
        peak = np.array([3, 0, 3, 0], np.float32)
        requests = np.array([12, 30, 12, 0], np.float32)
        return {name: Telemetry(DemandSeries(minute_of(NOON) - 4, peak, peak / 2, requests), True) for name in pools}


async def test_an_impossible_minute_is_unknown():
    told = {name: telemetry async for name, telemetry in recent_demand([(Source(), ("a",))], NOON)}

    assert told["a"].series.known.tolist() == [True, False, True, True]


async def test_reported_demand_has_no_history_and_no_error():
    push = PushDemand({"a": PushSettings(kind="push")}, ManualClock(NOON))

    assert [name async for name, _ in recent_demand([(push, ("a",))], NOON)] == []
