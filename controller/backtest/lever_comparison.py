"""The same traffic under each lever: what Stoker would ask of it, and what that would cost. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from config.model.lever import LeverSettings
from config.model.policy import Assume, PoolPolicy
from controller.backtest.replay import replay
from controller.decision.costs.bill import Bill, JudgedDemand, bill_of
from controller.decision.costs.cost_model import terms_of
from controller.decision.costs.keep_alive import KeepAlive, keep_alive_of
from forecasting.demand import DemandSeries


class Alternative(NamedTuple):
    """What a pool would cost under one lever, and what doing nothing would cost at that provider's prices and keep-alive."""

    kind: str
    keep_alive: KeepAlive
    stoker: Bill
    nothing: Bill


def under_each_lever(pool: PoolPolicy, demand: DemandSeries, load: JudgedDemand, assume: Assume,
                     kinds: Iterable[str]) -> list[Alternative]:
    """Replay one pool under every kind of lever, the cheapest first.

    The traffic, the objective, the metric delay and the lead time stay; prices and keep-alive are each lever's own, unless the
    policy sets `assume.keep_alive`. A policy's own `prices` hold for its own lever
    alone. What pings keep alive is best effort, which no bill shows.
    """
    found = []
    for kind in kinds:
        prices = pool.prices if kind == pool.lever.kind else None
        other = pool.model_copy(update={"lever": LeverSettings(kind=kind), "prices": prices})
        terms = terms_of(other, assume)
        done = replay(other, demand, terms, assume)
        nothing = bill_of(load, np.zeros(len(load), np.int64), terms)
        found.append(Alternative(kind, keep_alive_of(kind, assume), bill_of(load, done.target, terms), nothing))
    return sorted(found, key=lambda one: one.stoker.total_usd)
