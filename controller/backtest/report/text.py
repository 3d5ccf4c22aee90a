"""Number formats and sentences of a report. Every figure comes from the outcome. Pure."""

from collections.abc import Sequence

from controller.backtest.result import WITHOUT_STOKER, Outcome, PoolOutcome, spread
from controller.decision.costs.bill import Bill
from forecasting.demand import instant_of

TRACKING = "aws-target-tracking"
STOKER = "stoker"

LABELS = {
    STOKER: "Stoker",
    WITHOUT_STOKER: "Without Stoker",
    TRACKING: "AWS target tracking (70 %)",
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
"""Names of policies on the page."""

NOTES = {
    WITHOUT_STOKER: "No warm capacity: every burst has cold starts, and only work is billed.",
    TRACKING: "Application Auto Scaling on provisioned concurrency with a 70 % target.",
    "aws-target-tracking-tuned": "The same, with the target that was cheapest on the history before the accounting starts.",
    "aws-predictive-scaling": "Hourly forecasts that only add to target tracking; AWS does not offer it for Lambda.",
    "schedule": "Each hour at its P95 of the last 7 days.",
    "schedule+tracking": "The schedule as a floor, target tracking above it.",
    "knative-kpa": "Average concurrency of the last minute at 70 % per unit.",
    "last-hour-max": "Maximum demand of the last 60 min.",
    "x-lambda": "Exponential smoothing of five-minute maxima.",
    "seasonal-p99": "P99 of the same 15 min on previous days.",
    "best-constant*": "The cheapest constant capacity, known only in hindsight: a bound, not a usable policy.",
}


def usd(amount: float) -> str:
    """Format USD with significant digits only."""
    sign, size = ("-" if amount < 0 else ""), abs(amount)
    if size >= 1000:
        return f"{sign}${size:,.0f}"
    if size >= 0.1 or size == 0:
        return f"{sign}${size:,.2f}"
    return f"{sign}${size:.2g}" if size >= 0.0001 else f"{sign}$0.00"


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


def span(outcome: Outcome) -> str:
    """Return the period that the figures cover."""
    first = min(pool.demand.first_minute + pool.load.start for pool in outcome.pools)
    end = max(pool.demand.end_minute for pool in outcome.pools)
    return f"{instant_of(first):%-d %B %Y, %H:%M} to {instant_of(end):%-d %B %Y, %H:%M} UTC"


def length(outcome: Outcome) -> str:
    """Return the length of the period."""
    hours = max(pool.demand.end_minute - pool.demand.first_minute - pool.load.start for pool in outcome.pools) / 60
    if hours < 48:
        return f"{hours:.0f} hours"
    return f"{hours / 24:.0f} days"


def headline(outcome: Outcome) -> str:
    """Return one sentence about avoided cold starts and the difference of the bill."""
    stoker, nothing = outcome.stoker, outcome.nothing
    if nothing.cold_starts == 0:
        return f"No cold starts in {length(outcome)}, with or without Stoker."
    fewer = nothing.cold_starts - stoker.cold_starts
    price = stoker.provider_usd - nothing.provider_usd
    if fewer <= 0:
        return (f"Stoker would have had {count(stoker.cold_starts)} cold starts, "
                f"compared with {count(nothing.cold_starts)} without Stoker.")
    money = f"for {usd(price)} more" if price > 0 else f"and {usd(-price)} saved"
    return f"{count(fewer)} of {count(nothing.cold_starts)} cold starts avoided in {length(outcome)}, {money}."


def spread_text(outcomes: Sequence[PoolOutcome]) -> str:
    """Return cold starts, and the change of bill + cold-start cost, over the range of the keep-alive; empty without a range."""
    ranges = spread(outcomes)
    if not ranges:
        return ""
    mine, without = (f"{count(low)} to {count(high)}"
                     for low, high in (ranges["cold_starts"], ranges["cold_starts_without_stoker"]))
    low, high = ranges["bill_plus_cold_start_cost_change_usd"]
    return (f"Over the keep-alive range: {mine} cold starts with Stoker, {without} without Stoker; "
            f"bill + cold-start cost with Stoker: {difference(low)} to {difference(high)}.")


def difference(change_usd: float) -> str:
    """Return a change in USD as `more`, or as `less` when it is negative."""
    return f"{usd(-change_usd)} less" if change_usd < 0 else f"{usd(change_usd)} more"


def price_of_waiting(outcome: Outcome) -> str:
    """Return the cold-start cost as text. With a warm-hit objective it is only for comparison."""
    prices = sorted({pool.terms.cold_start_cost_usd for pool in outcome.pools})
    return f"{usd(prices[0])} each" if len(prices) == 1 else "each pool's price"


def promise(outcome: Outcome) -> str:
    """Return whether the warm-hit objective was met; empty without such an objective."""
    with_rate = [pool for pool in outcome.pools if pool.terms.warm_hit_rate is not None and pool.stoker.warm_hit_rate is not None]
    if not with_rate:
        return ""
    met = [pool for pool in with_rate if (pool.stoker.warm_hit_rate or 0) >= (pool.terms.warm_hit_rate or 0)]
    if len(with_rate) > 1:
        return f"{len(met)} of {len(with_rate)} pools met the warm-hit rate set in the policy."
    goal = f"{100 * (with_rate[0].terms.warm_hit_rate or 0):.6g} %"
    ending = "met" if met else "not met"
    return f"Warm-hit objective of {with_rate[0].name}: {goal}; result: {hits(with_rate[0].stoker)} ({ending})."


def verdict(outcome: Outcome) -> str:
    """Return the cost of an avoided cold start, and a comparison with target tracking."""
    stoker, nothing, tracking = outcome.stoker, outcome.nothing, outcome.peers[TRACKING]
    sentences = [promise(outcome)] if promise(outcome) else []
    fewer, price = nothing.cold_starts - stoker.cold_starts, stoker.provider_usd - nothing.provider_usd
    if fewer > 0 and price > 0:
        sentences.append(f"Each avoided cold start would have added {usd(price / fewer)} to the bill.")
    sentences.append(against(stoker, tracking, LABELS[TRACKING]))
    return " ".join(sentences)


def against(stoker: Bill, other: Bill, name: str) -> str:
    """Return a comparison of another policy with Stoker in cold starts and bill."""
    waits, price = other.cold_starts - stoker.cold_starts, other.provider_usd - stoker.provider_usd
    more = "the same number of" if waits == 0 else f"{count(abs(waits))} {'more' if waits > 0 else 'fewer'}"
    cost = "for the same bill" if abs(price) < 0.005 else f"for {usd(abs(price))} {'more' if price > 0 else 'less'}"
    return f"{name} would have had {more} cold starts {cost}."


def wins(outcome: Outcome) -> str:
    """Return Stoker's rank by total cost among the policies that do not use hindsight."""
    limit, counting = outcome.stoker.extra_usd, f"With cold starts at {price_of_waiting(outcome)}"
    rivals = {name: bill.extra_usd for name, bill in outcome.peers.items() if not name.endswith("*")}
    cheaper = [LABELS[name] for name, extra in sorted(rivals.items(), key=lambda item: item[1]) if extra < limit]
    if not cheaper:
        return f"{counting}, Stoker is the cheapest of {len(rivals) + 1} policies."
    if len(cheaper) > 2:
        others = f"{len(cheaper)} of {len(rivals)} others"
        return f"{counting}, {others} would have been cheaper; the cheapest is {cheaper[0]}."
    rest = f"the other {len(rivals) - len(cheaper)} more expensive"
    return f"{counting}, {' and '.join(cheaper)} would have been cheaper, {rest}."
