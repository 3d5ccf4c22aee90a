"""Number formats and sentences of a report. Every figure comes from the outcome. Pure."""

from collections.abc import Sequence

from config.model.shown import local, time_text
from controller.backtest.lead_replay import WITHOUT_LEADS
from controller.backtest.result import STOKER, Outcome, PoolOutcome, spread
from controller.decision.costs.bill import Bill
from controller.decision.costs.cost_model import CostTerms
from controller.decision.costs.sentences import (
    BASELINE_TEXT,
    TARGET_TRACKING,
    WITHOUT_STOKER,
    bill_sentence,
    dollars,
)
from forecasting.demand import instant_of

LABELS = {
    STOKER: "Stoker",
    **BASELINE_TEXT,
    WITHOUT_LEADS: "Stoker without leading signals",
    "aws-target-tracking-tuned": "AWS target tracking, tuned",
    "aws-predictive-scaling": "AWS predictive scaling (stand-in)",
    "schedule": "Weekly schedule by hand",
    "schedule+tracking": "Schedule + target tracking",
    "knative-kpa": "Knative KPA",
    "last-hour-max": "Last hour's maximum",
    "x-lambda": "X-Lambda",
    "seasonal-p99": "Seasonal naive, 99 %",
    "best-constant*": "Best constant, in hindsight",
}
"""Names of strategies on the page."""

NOTES = {
    WITHOUT_STOKER: "No warm capacity: every burst has cold starts, and only work is billed.",
    WITHOUT_LEADS: "The same rules without the leading signals of the policy.",
    TARGET_TRACKING: "Application Auto Scaling on provisioned concurrency with a 70 % target.",
    "aws-target-tracking-tuned": "The same, with the target that was cheapest on the history before the accounting starts.",
    "aws-predictive-scaling": "Hourly forecasts that only add to target tracking; AWS does not offer it for Lambda.",
    "schedule": "Each hour at its P95 of the last 7 days.",
    "schedule+tracking": "The schedule as a floor, target tracking above it.",
    "knative-kpa": "Average concurrency of the last minute at 70 % per unit.",
    "last-hour-max": "Maximum demand of the last 60 min.",
    "x-lambda": "Exponential smoothing of five-minute maxima.",
    "seasonal-p99": "P99 of the same 15 min on previous days.",
    "best-constant*": "The cheapest constant capacity, known only in hindsight: a bound, not a usable strategy.",
}


def count(number: float) -> str:
    """Format a whole number with separators."""
    return f"{number:,.0f}"


def share(part: float, whole: float) -> str:
    """Format a share in per cent, never rounded to 0 or 100."""
    if whole <= 0:
        return "0 %"
    percent = 100 * part / whole
    if 0 < percent < 0.01:
        return "under 0.01 %"
    if 99.5 <= percent < 100:
        return f"{min(percent, 99.99):.2f} %"
    return f"{percent:.2f} %" if percent < 10 else f"{percent:.0f} %"


def hits(bill: Bill) -> str:
    """Format the warm-hit rate in per cent, never rounded up to 100."""
    rate = bill.warm_hit_rate
    if rate is None:
        return "–"
    return ">99.99%" if 0.99995 <= rate < 1 else f"{rate:.2%}"


def span(pools: Sequence[PoolOutcome]) -> str:
    """Return the first start and the last end of the figures, in the displayed time zone."""
    first = min(pool.demand.first_minute + pool.load.start for pool in pools)
    end = max(pool.demand.end_minute for pool in pools)
    return f"{local(instant_of(first)):%Y-%m-%d %H:%M} to {time_text(instant_of(end))}"


def length(pools: Sequence[PoolOutcome]) -> str:
    """Return the length of the longest period: in minutes below 2 h, in hours below 2 days."""
    minutes = max(len(pool.load) - pool.load.start for pool in pools)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes / 60:.3g} h" if minutes < 2880 else f"{minutes / 1440:,.1f} days".replace(".0 ", " ")


def headline(outcome: Outcome) -> str:
    """Return one sentence on bill and cold starts: what would change with Stoker."""
    stoker, nothing = outcome.stoker, outcome.nothing
    return f"{bill_sentence(stoker.provider_usd, nothing.provider_usd, stoker.cold_starts, nothing.cold_starts, simulated=True)}."


def spread_text(outcomes: Sequence[PoolOutcome]) -> str:
    """Return cold starts, and the change of bill + cold-start cost, over the range; empty without one."""
    ranges = spread(outcomes)
    if not ranges:
        return ""
    mine, without = (f"{count(low)} to {count(high)}"
                     for low, high in (ranges["cold_starts"], ranges["cold_starts_without_stoker"]))
    low, high = ranges["bill_plus_cold_start_cost_change_usd"]
    peaks = " and of estimated peaks" if any(pool.terms.estimated_peak for pool in outcomes) else ""
    return (f"Over the range of the keep-alive{peaks} there would be {mine} cold starts with Stoker, {without} without Stoker; "
            f"bill + cold-start cost with Stoker would be {difference(low)} to {difference(high)}.")


def difference(change_usd: float) -> str:
    """Return a change in USD as `more`, or as `less` when it is negative."""
    return f"{dollars(-change_usd)} less" if change_usd < 0 else f"{dollars(change_usd)} more"


def price_of_waiting(outcome: Outcome) -> str:
    """Return the cold-start cost as text. With a warm-hit objective it is only for comparison."""
    prices = sorted({pool.terms.cold_start_cost_usd for pool in outcome.pools})
    return f"{dollars(prices[0])} each" if len(prices) == 1 else "each pool's price"


def price_text(terms: CostTerms) -> str:
    """Return the cold-start cost of a pool; with a price per second, also how it is calculated."""
    each, second = f"{dollars(terms.cold_start_cost_usd)} each", terms.cold_start_cost_usd_per_second
    return each if second is None else f"{each} ({dollars(second)} per second × {terms.init_seconds:.3g} s)"


def promise(outcome: Outcome) -> str:
    """Return whether the warm-hit objective would have been met; empty without such an objective."""
    with_rate = [pool for pool in outcome.pools if pool.terms.warm_hit_rate is not None and pool.stoker.warm_hit_rate is not None]
    if not with_rate:
        return ""
    met = [pool for pool in with_rate if (pool.stoker.warm_hit_rate or 0) >= (pool.terms.warm_hit_rate or 0)]
    if len(with_rate) > 1:
        return f"{len(met)} of {len(with_rate)} pools would have met the warm-hit rate set in the policy."
    goal = f"{100 * (with_rate[0].terms.warm_hit_rate or 0):.6g} %"
    ending = "met" if met else "not met"
    return f"Warm-hit objective of {with_rate[0].name}: {goal}; it would have been {ending}, with {hits(with_rate[0].stoker)}."


def verdict(outcome: Outcome) -> str:
    """Return whether the warm-hit objective would have been met, and a comparison with target tracking."""
    others = against(outcome.stoker, outcome.peers[TARGET_TRACKING], LABELS[TARGET_TRACKING])
    return f"{promise(outcome)} {others}".strip()


def against(stoker: Bill, other: Bill, name: str) -> str:
    """Return a comparison of another policy with Stoker in cold starts and bill."""
    waits, price = other.cold_starts - stoker.cold_starts, other.provider_usd - stoker.provider_usd
    more = "the same number of" if waits == 0 else f"{count(abs(waits))} {'more' if waits > 0 else 'fewer'}"
    cost = "for the same bill" if abs(price) < 0.005 else f"for {dollars(abs(price))} {'more' if price > 0 else 'less'}"
    return f"{name} would have had {more} cold starts {cost}."


def wins(outcome: Outcome) -> str:
    """Return Stoker's rank by bill + cold-start cost among the strategies that do not use hindsight."""
    limit, counting = outcome.stoker.extra_usd, f"With cold starts at {price_of_waiting(outcome)}"
    rivals = {name: bill.extra_usd for name, bill in outcome.peers.items() if not name.endswith("*")}
    cheaper = [LABELS[name] for name, extra in sorted(rivals.items(), key=lambda item: item[1]) if extra < limit]
    if not cheaper:
        return f"{counting}, Stoker would have had the lowest bill + cold-start cost of {len(rivals) + 1} strategies."
    if len(cheaper) > 2:
        others = f"{len(cheaper)} of {len(rivals)} others"
        return f"{counting}, {others} would have had a lower bill + cold-start cost; the lowest is that of {cheaper[0]}."
    rest = f"the other {len(rivals) - len(cheaper)} a higher one"
    return f"{counting}, {' and '.join(cheaper)} would have had a lower bill + cold-start cost, {rest}."
