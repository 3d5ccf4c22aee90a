"""Assumptions of a backtest about the resource of a pool, where the policy does not set it. Pure.

A daemon reads these values from the provider; a backtest makes no calls.
"""

from collections.abc import Iterable, Mapping

from config.model.policy import PoolPolicy
from controller.decision.costs.cost_model import DEFAULT_ARCHITECTURE, DEFAULT_INIT_SECONDS, DEFAULT_MEMORY_MB, RATES

NAMED = 3
"""Pools named in a sentence; the rest are counted."""


def assumptions(pool: PoolPolicy) -> dict[str, str]:
    """Return each assumption in words, by the policy key that replaces it."""
    texts = {}
    if pool.memory_mb is None:
        texts["memory_mb"] = f"{DEFAULT_MEMORY_MB:,} MB of memory"
    if pool.init_seconds is None:
        texts["init_seconds"] = f"{DEFAULT_INIT_SECONDS:g} s of initialisation"
    if pool.prices is None and pool.lever.kind in RATES:
        texts["prices"] = "1 vCPU, billed by request"
    elif pool.prices is None and pool.architecture is None and pool.lever.kind.startswith("lambda-"):
        texts["architecture"] = DEFAULT_ARCHITECTURE
    return texts


def assumed_text(assumed: Mapping[str, str]) -> str:
    """Return the assumptions in words with the keys to set; empty without any."""
    return ", ".join(f"{text} ({key})" for key, text in assumed.items())


def common_text(each: Iterable[Mapping[str, str]]) -> str:
    """Return each assumption of many pools, and the number of pools that it applies to."""
    counts: dict[str, int] = {}
    for assumed in each:
        for key, text in assumed.items():
            counts[f"{text} ({key})"] = counts.get(f"{text} ({key})", 0) + 1
    return ", ".join(f"{text} for {count} pool{'s' if count > 1 else ''}" for text, count in counts.items())


def periods_text(periods: Mapping[str, int]) -> str:
    """Return a notice about histories of periods longer than 1 min; empty without any. `periods`: minutes of a period by pool."""
    some = [f"{minutes} min for {name}" for name, minutes in periods.items() if minutes > 1]
    if not some:
        return ""
    which = ", ".join(some[:NAMED]) + (f" and {len(some) - NAMED} more pools" if len(some) > NAMED else "")
    return (f"histories recorded in longer periods than 1 min: {which}. The figures are approximate: the peak of a period counts "
            "in each of its minutes, and bursts within a period are not visible")


def zeros_text(zeros: Mapping[str, int]) -> str:
    """Return a notice about idle minutes in histories without a gap; empty without any. `zeros`: idle minutes by pool."""
    some = [f"{minutes:,} of {name}" for name, minutes in zeros.items() if minutes]
    if not some:
        return ""
    which = ", ".join(some[:NAMED]) + (f" and those of {len(some) - NAMED} more pools" if len(some) > NAMED else "")
    return (f"idle minutes in a history without a gap: {which}. If gaps were filled with zeros, the figures are optimistic: a "
            "daemon lowers capacity only by minutes that metrics prove idle")
