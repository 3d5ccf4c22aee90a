"""Demand source of pinged pools: start of reads, and minutes with possible pings of an earlier process."""

from datetime import timedelta

import numpy as np

from adapters.pinging.demand_without_pings import UNSURE_MINUTES, DemandWithoutPings
from adapters.pinging.own_traffic import RETENTION_MINUTES
from adapters.pinging.pinged import Pinged
from adapters.ports.demand_source import Telemetry
from forecasting.demand import DemandSeries, minute_of
from tests.builders import NOON

MINUTE = timedelta(minutes=1)


class Idle:
    """Source without any point that reports every minute as idle."""

    kind = "idle"

    def __init__(self):
        self.asked = []

    async def collect(self, pools, since, until):
        self.asked.append({name: (until - since[name]) // MINUTE for name in pools})
        return {name: self._of(minute_of(since[name]), minute_of(until)) for name in pools}

    def _of(self, first, end):
        nothing = np.zeros(end - first, np.float32)
        return Telemetry(DemandSeries(first, nothing, nothing, nothing), True, absent=np.ones(end - first, bool))


async def test_a_gap_is_not_read_again_beyond_the_stored_own_pings():
    source = Idle()
    pinged = DemandWithoutPings(source, {"pinged": Pinged()})
    for later, back in ((0, 16), (10, 1440), (600, 1440)):
        until = NOON + later * MINUTE
        await pinged.collect(["pinged", "other"], dict.fromkeys(["pinged", "other"], until - back * MINUTE), until)

    assert source.asked == [{"pinged": 16, "other": 16}, {"pinged": 26, "other": 1440},
                            {"pinged": RETENTION_MINUTES, "other": 1440}]


async def test_minutes_with_possible_pings_of_an_earlier_process_are_not_returned():
    pinged = DemandWithoutPings(Idle(), {"pinged": Pinged()})
    telemetry = (await pinged.collect(["pinged"], {"pinged": NOON - 100 * MINUTE}, NOON))["pinged"]

    assert telemetry.series.first_minute == minute_of(NOON) - 100 + UNSURE_MINUTES
    assert telemetry.series.known.tolist() == telemetry.absent.tolist() == [True] * (100 - UNSURE_MINUTES)
