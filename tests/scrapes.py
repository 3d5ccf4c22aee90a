"""What a daemon with every kind of trouble and success says of itself to Prometheus."""

import numpy as np

from adapters.ports.errors import Throttled
from config.model.lead import Lead
from config.model.policy import Objective
from controller.accounting.figures import MINUTES_A_DAY
from controller.accounting.ledger import NAMES
from controller.forecasts.capacity_forecast import AHEAD_MINUTES, SCORED_LEVELS
from forecasting.demand import minute_of
from tests.services import serving

UNTOLD = {"stoker_fencing_number", "stoker_metric_reads_usd_total", "stoker_limit", "stoker_limit_used", "stoker_notices_total",
          "stoker_notices_waiting", "stoker_orphan_units", "stoker_ping_pause_seconds", "stoker_ping_hold_seconds",
          "stoker_ping_blackout_seconds_total", "stoker_ping_blackout_requests_total",
          "stoker_push_senders", "stoker_pool_account", "stoker_orphan_usd_per_hour"}
"""A fake's readings are billed by nobody, and the policy of these pools limits nothing, tells nobody, has lost no pool and pings
none; nobody reports to them, and none has a role.
"""


async def scraped(here):
    async with here.session.get(here.service.url + "/metrics") as answer:
        assert answer.status == 200
        return await answer.text()


async def eventful(folder):
    """The text of a scrape in which every family has a sample: pool `a` is active and throttled once, `b` is in shadow."""
    each = {"a": {"budget_usd_per_month": 1000.0, "objective": Objective(warm_hit_rate=0.9)},
            "b": {"mode": "shadow", "max": 5, "budget_usd_per_month": 1000.0, "leads": (Lead(pool="a"),)}}
    async with serving(folder, each=each) as here:
        service = here.service
        first = minute_of(here.clock.now()) - 30
        levels = np.full((AHEAD_MINUTES, len(SCORED_LEVELS)), 4, np.float32)
        for name in ("a", "b"):
            service.runtime.components.forecasts.rotation.accuracy.set_forecast(name, first, levels)
        service.runtime.components.fleet.reconcilers["a"].lead_seconds.extend([60.0, 70.0, 80.0])
        here.levers["a"].failing["write"] = Throttled("slow down")
        await here.ticks(2)
        here.levers["a"].failing.clear()
        here.components.accounts.each[0].month[:, NAMES.index("minutes")] = MINUTES_A_DAY
        await here.ticks(18)
        return await scraped(here)
