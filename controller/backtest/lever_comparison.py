"""Comparison of levers: Stoker's bill for the same traffic with each lever. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from adapters.ports.read_prices import read_prices
from config.model.lever import LeverSettings
from config.model.policy import Assume, PoolPolicy
from controller.backtest.replay import replay
from controller.decision.costs.bill import Bill, JudgedDemand, bill_of
from controller.decision.costs.cost_model import terms_of
from controller.decision.costs.keep_alive import KeepAlive, keep_alive_of
from forecasting.demand import DemandSeries


class Alternative(NamedTuple):
    """Bills of a pool with one lever or two layers: with Stoker and without it, at the prices and the keep-alive of the base.

    `kind`: kind of the lever, or both kinds with a plus sign.
    """

    kind: str
    keep_alive: KeepAlive
    stoker: Bill
    nothing: Bill


def layers_of(kinds: Mapping[str, type[LeverSettings]]) -> list[tuple[str, ...]]:
    """Return each kind alone, and after them each pair of a base and a top that stack."""
    alone: list[tuple[str, ...]] = [(kind,) for kind in kinds]
    return alone + [(kind, above) for kind, settings in kinds.items() for above in sorted(settings.stacks_under)]


def under_each_lever(pool: PoolPolicy, demand: DemandSeries, load: JudgedDemand, assume: Assume,
                     layers: Iterable[tuple[str, ...]]) -> list[Alternative]:
    """Replay one pool with each kind of lever, or pair of kinds as layers, and return the results, the cheapest first.

    Traffic, objective, metric delay, lead time and the price of reads are the same for all. Prices and keep-alive are those of
    each lever, unless the policy sets `assume.keep_alive`. `prices` in the policy apply to the pool's own lever only. Pings keep
    units warm on a best-effort basis, which no bill shows.
    """
    alternatives = []
    for kind, *above in layers:
        prices = pool.prices if kind == pool.lever.kind else None
        top = LeverSettings(kind=above[0]) if above else None
        other = pool.model_copy(update={"lever": LeverSettings(kind=kind), "top": top, "prices": prices})
        terms = replace(terms_of(other, assume), reads=read_prices(pool))
        done = replay(other, demand, terms, assume)
        stoker = bill_of(load, done.target, terms, done.pinged)
        nothing = bill_of(load, np.zeros(len(load), np.int64), terms)
        name = f"{kind} + {top.kind}" if top is not None else kind
        alternatives.append(Alternative(name, keep_alive_of(kind, assume), stoker, nothing))
    return sorted(alternatives, key=lambda one: one.stoker.total_usd)
