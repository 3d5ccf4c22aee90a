"""Frame of the figures of a backtest: what they cover and what they assume, as rows of a label and a text. Pure."""

from collections.abc import Iterable, Sequence

from config.model.shown import time_text
from controller.backtest.report.text import count, length, price_text, share, span
from controller.backtest.result import PoolOutcome
from controller.decision.costs.assumptions import assumed_text, common_text
from controller.decision.costs.cost_model import MINUTES_A_MONTH, CostTerms, Pings
from controller.decision.costs.sentences import bill_sentence, cold_start_change, dollars
from forecasting.demand import instant_of

HOURS_A_MONTH = MINUTES_A_MONTH / 60

SIMULATED = "from recorded traffic; Stoker did not run. Bills are at list price, or at the policy's prices, without free tiers"


def frame(pools: Sequence[PoolOutcome]) -> list[tuple[str, str]]:
    """Return the frame of one or more pools, of which there must be one."""
    same = all(pool.assumed == pools[0].assumed for pool in pools)
    assumed = assumed_text(pools[0].assumed) if same else common_text(pool.assumed for pool in pools)
    return [
        ("simulated", SIMULATED), ("period", period(pools)), ("known", known_text(pools)), ("requests", requests(pools)),
        ("peak", peak_text(pools)), ("objective", each_text(objective(pool.terms) for pool in pools)),
        ("timing", each_text(timing(pool.terms) for pool in pools)),
        ("keep-alive", each_text(pool.keep_alive.text for pool in pools)),
        *([("assumed", f"{assumed}: not set in the policy")] if assumed else []),
        *((name, text) for name, text in (("layers", layers_text(pools)), ("pings", pings_text(pools))) if text),
        ("per month", scaling(pools)), ("result", result(pools)),
    ]


def each_text(texts: Iterable[str]) -> str:
    """Return the different texts of pools, in their order."""
    return "; ".join(dict.fromkeys(texts))


def period(pools: Sequence[PoolOutcome]) -> str:
    """Return the first start and the last end of the figures, their length, and what precedes them."""
    lengths = [length([pool]) for pool in sorted(pools, key=lambda pool: len(pool.load) - pool.load.start)]
    long = lengths[0] if lengths[0] == lengths[-1] else f"{lengths[0]} to {lengths[-1]} by pool"
    before = [f"{hours:,.4g} h" for hours in sorted({pool.load.start / 60 for pool in pools})]
    learning = f"; {' to '.join(dict.fromkeys((before[0], before[-1])))} before it for learning only" if before != ["0 h"] else ""
    return f"{span(pools)} ({long}){learning}"


def known_text(pools: Sequence[PoolOutcome]) -> str:
    """Return how many minutes of the histories are known, from the start of the accounting."""
    some = sum(int(pool.load.counted.sum()) for pool in pools)
    minutes = sum(len(pool.load) - pool.load.start for pool in pools)
    others = "; the others are not counted" if some < minutes else ""
    return f"{some:,} of {minutes:,} minutes ({share(some, minutes)}){others}"


def requests(pools: Sequence[PoolOutcome]) -> str:
    """Return the number of requests."""
    number = count(sum(pool.stoker.invocations for pool in pools))
    return number if len(pools) == 1 else f"{number} in {len(pools)} pools"


def peak_of(pool: PoolOutcome) -> int:
    """Return the highest peak of the counted minutes."""
    return int(pool.load.peak[pool.load.counted].max(initial=0))


def peak_text(pools: Sequence[PoolOutcome]) -> str:
    """Return the highest peak of a pool with its time."""
    pool = max(pools, key=peak_of)
    most = peak_of(pool)
    text = f"{most:,} request{'' if most == 1 else 's'} at once"
    if most:
        row = int((pool.load.counted & (pool.load.peak == most)).argmax())
        text += f", {time_text(instant_of(pool.demand.first_minute + row))}"
    text += ", estimated by the demand source" if pool.terms.estimated_peak else ""
    return text if len(pools) == 1 else f"{text} in {pool.name} (highest of a pool)"


def objective(terms: CostTerms) -> str:
    """Return the objective of a pool. With a warm-hit rate the cold-start cost is only for comparison."""
    price = f"cold-start cost {price_text(terms)}"
    if terms.warm_hit_rate is None:
        return price
    return f"{100 * terms.warm_hit_rate:.6g} % of requests warm ({price}, for comparison only)"


def timing(terms: CostTerms) -> str:
    """Return the delays of every strategy."""
    return f"metric delay {terms.metric_delay} min, lead time {terms.lead_time} min"


def pings_text(pools: Sequence[PoolOutcome]) -> str:
    """Return the cold starts that pings would cause beside those that they would avoid; empty without a pool with pings."""
    pinged = [pool for pool in pools if rounds_of(pool.terms) is not None]
    if not pinged:
        return ""
    during = sum(pool.stoker.cold_starts_during_pings for pool in pinged)
    fewer = sum(pool.nothing.cold_starts - pool.stoker.cold_starts for pool in pinged)
    rounds = each_text(f"a round every {1 / pings.a_minute:.3g} min holds each unit for {pings.seconds:.3g} s"
                       for pings in (rounds_of(pool.terms) for pool in pinged) if pings is not None)
    return (f"{rounds}; {during:,} cold start{'' if during == 1 else 's'} would happen because a round holds units, with "
            f"{cold_start_change(fewer)} in total")


def rounds_of(terms: CostTerms) -> Pings | None:
    """Return the pings of a pool, of its only lever or of the layer above its base; None without pings."""
    return terms.pings if terms.top is None else terms.top.pings


def layers_text(pools: Sequence[PoolOutcome]) -> str:
    """Return the unit-hours of each layer and the bill of the pings; empty without a pool with layers."""
    bills = [pool.stoker for pool in pools if pool.replay.pinged is not None]
    if not bills:
        return ""
    warm, pinged = (sum(getattr(bill, name) for bill in bills) / 60 for name in ("warm_unit_minutes", "pinged_unit_minutes"))
    of_pools = "" if len(pools) == 1 else f" (of {len(bills)} pool{'' if len(bills) == 1 else 's'} with layers)"
    return (f"base {warm:,.1f} unit-hours, above it {pinged:,.1f} unit-hours kept by pings for "
            f"{dollars(sum(bill.ping_usd for bill in bills))}, part of the bill{of_pools}")


def scaling(pools: Sequence[PoolOutcome]) -> str:
    """Return how the figures per month are calculated."""
    if len(pools) > 1:
        return f"sum of each pool's figures × {HOURS_A_MONTH:g} h / its hours with known demand"
    return f"figures × {HOURS_A_MONTH:g} h / {int(pools[0].load.counted.sum()) / 60:,.1f} h with known demand"


def result(pools: Sequence[PoolOutcome]) -> str:
    """Return what would change in bill and cold starts with Stoker."""
    stoker, without = ([getattr(pool, name) for pool in pools] for name in ("stoker", "nothing"))
    bills, cold = ([sum(getattr(bill, name) for bill in each) for each in (stoker, without)]
                   for name in ("provider_usd", "cold_starts"))
    return f"{bill_sentence(bills[0], bills[1], cold[0], cold[1], simulated=True)}, relative to the same traffic without Stoker"
