"""Practice account of `stoker sandbox`: four functions, two of them unsuitable for a pool."""

from dataclasses import replace

import numpy as np

from adapters.runtime.clock import Clock
from adapters.sandbox.aws.lambda_.functions import LATEST
from adapters.sandbox.settings import Settings
from adapters.sandbox.traffic.generator import SHAPES, history_and_traffic
from adapters.sandbox.world import Sandbox
from forecasting.demand import minute_of

PREPARATION_SECONDS = (3.0, 5.0)
"""Minimum and maximum before an allocation of provisioned concurrency starts; on AWS it is 1 to 2 min."""


def practice(clock: Clock, seed: int) -> Sandbox:
    """Return a sandbox with 14 days of history and unlimited traffic after it, busiest at the current time of day.

    `support-agent` has steady traffic, `researcher` bursts of calls; `old-report` has no alias, `forgotten` no traffic.
    """
    sandbox = Sandbox(clock, seed, Settings(preparation_seconds=PREPARATION_SECONDS))
    now = minute_of(clock.now())
    for order, (name, shape) in enumerate({"support-agent": SHAPES["support"], "researcher": SHAPES["research"],
                                           "old-report": SHAPES["batch"]}.items()):
        rng = np.random.Generator(np.random.PCG64([seed, order]))
        history, traffic = history_and_traffic(replace(shape, busiest_hour=clock.now().hour + 0.5, weekend_share=0.8), rng, now)
        sandbox.add_function(name, history, traffic, init_seconds=2.0)
    report = sandbox.hosted("old-report").function
    report.aliases.clear()
    report.alias = LATEST
    sandbox.add_function("forgotten")
    return sandbox
