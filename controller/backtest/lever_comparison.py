"""Comparison of levers: Stoker's bill for the same traffic with each lever. Pure."""

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
    """Bills of a pool with one lever: with Stoker and without it, at that lever's prices and keep-alive."""

    kind: str
    keep_alive: KeepAlive
    stoker: Bill
    nothing: Bill


def under_each_lever(pool: PoolPolicy, demand: DemandSeries, load: JudgedDemand, assume: Assume,
                     kinds: Iterable[str]) -> list[Alternative]:
    """Replay one pool with each kind of lever, and return the results, the cheapest first.

    Traffic, objective, metric delay and lead time are the same for all. Prices and keep-alive are those of each lever, unless the
    policy sets `assume.keep_alive`. `prices` in the policy apply to the pool's own lever only. Pings keep units warm on a
    best-effort basis, which no bill shows.
    """
    alternatives = []
    for kind in kinds:
        prices = pool.prices if kind == pool.lever.kind else None
        other = pool.model_copy(update={"lever": LeverSettings(kind=kind), "top": None, "prices": prices})
        terms = terms_of(other, assume)
        done = replay(other, demand, terms, assume)
        nothing = bill_of(load, np.zeros(len(load), np.int64), terms)
        alternatives.append(Alternative(kind, keep_alive_of(kind, assume), bill_of(load, done.target, terms), nothing))
    return sorted(alternatives, key=lambda one: one.stoker.total_usd)
