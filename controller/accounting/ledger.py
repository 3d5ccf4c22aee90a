"""What each pool's traffic and warm capacity cost, minute by minute as demand becomes known, and what they would have without.

An estimate at list prices by the formula of `controller.decision.costs.cost_model`, from the ready capacity that was read and
the demand that was recorded; the provider's bill is the truth. Minutes of unknown demand cost what stood ready in them and
nothing else; where it is not known what stood ready, a minute is not accounted for.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta

import numpy as np

from controller.accounting.minute_bill import Amounts, Columns, Units, bill
from controller.accounting.paid_units import Change, Paid
from controller.accounting.peak_range import peak_range
from controller.decision.costs.cost_model import CostTerms
from controller.decision.costs.on_demand_warmth import Warm
from controller.decision.costs.target_tracking import TargetTracker
from controller.store.async_store import AsyncStore
from forecasting.demand import Floats, instant_of, minute_of

NAMES = ("warm_usd", "on_demand_usd", "cold_start_usd", "cost_usd", "saved_usd", "cold_starts", "cold_starts_without",
         "warm_unit_minutes", "idle_unit_minutes", "minutes", "without_usd", "tracking_usd", "cold_starts_tracking",
         "saved_on_tracking_usd", "idle_usd", "warm_hits", "others_unit_minutes", "others_usd",
         "request_usd", "cold_starts_delta_low", "cold_starts_delta_high", "cold_starts_without_delta_low",
         "cold_starts_without_delta_high", "saved_usd_delta_low", "saved_usd_delta_high")
"""`cold_start_usd`: what cold starts cost the operator by the objective, no bill. `cost_usd`: the bill: warm, on demand,
initialisation and requests. `saved_usd`: bill and cold starts of the same traffic without Stoker's warm capacity, less those with
it. `without_usd`, `tracking_usd`: the bill without that capacity, and under AWS target tracking at 70 %.
`saved_on_tracking_usd`: as `saved_usd`, against that. `warm_unit_minutes`: of units that are paid for; `idle_unit_minutes` and
`idle_usd`: of these, without work. `warm_hits`: invocations that did not wait. What others keep warm is part of every bill,
those without Stoker too; `others_unit_minutes` and `others_usd` are what it is. `request_usd`: charges by request.
`*_delta_low`: what the short end of the pool's keep-alive, with the high end of an estimated peak, would add to that figure;
`*_delta_high`: the long end, with the low end. They are differences, so that sums which include days from before they were
counted stay right.
"""

REHEARSAL = 120
"""Minutes before the first that is accounted for that say what ran, and what target tracking had warm, when it began."""

MINUTE = timedelta(minutes=1)
READY_MINUTES = 128
"""How far back ready capacity is known: demand that settles later than that is left out of the accounts."""

RANGED = {name: tuple(NAMES.index(f"{name}{end}") for end in ("", "_delta_low", "_delta_high"))
          for name in ("cold_starts", "cold_starts_without", "saved_usd")}
"""Figures that depend on the keep-alive and the peak: where each and its differences stand in `NAMES`."""

NOISE = 1e-9
"""Differences below this come from rounding."""

COLD_STARTS, IDLE = NAMES.index("cold_starts"), NAMES.index("idle_unit_minutes")

ANY = np.array([0.0, np.inf])
"""Bounds (least, most) of the cold starts of a minute that the provider has not counted."""


def unstepped(_: str) -> Change:
    """Of pools whose units are paid for while they are ready."""
    return Change((), timedelta(0))


class GroupLedger:
    """Accounts of the pools of one collector. Amounts are float64[pools, len(NAMES)]."""

    def __init__(self, pools: Sequence[str], today: Mapping[str, Mapping[str, float]], month: Mapping[str, Mapping[str, float]],
                 now: datetime) -> None:
        self.pools = tuple(pools)
        self.row = {name: at for at, name in enumerate(self.pools)}
        self.today, self.month = self._table(today), self._table(month)
        self.ever = np.zeros_like(self.today)
        """Sums since the start of the process, which nothing sets back."""
        self._day = now.date()
        self._pending: dict[date, Amounts] = {}
        self._ready = np.full((len(pools), READY_MINUTES), np.nan)
        self._others = np.zeros((len(pools), READY_MINUTES))
        self._bounds = np.tile(ANY[:, None, None], (1, len(pools), READY_MINUTES))
        self._paid, self._paid_tracking = Paid(len(pools), READY_MINUTES), Paid(len(pools), 1)
        self._warm = tuple(tuple(Warm(len(pools)) for _ in range(cases)) for cases in (3, 2, 2))
        """As they are, without Stoker, and under target tracking; the first two at the ends of keep-alive and peak, too."""
        self._tracked = TargetTracker(len(pools))
        self.rehearsed = False
        self._noted = self._counted = minute_of(now)

    def ready(self, ready: Floats, now: datetime, others: Floats | None = None, requested: Floats | None = None,
              changed: Callable[[str], Change] = unstepped) -> None:
        """What stands ready of each pool now, what others keep warm besides and what is requested: float32[pools] each, NaN where
        unknown, from the minute after the last call on. `changed`: of a pool whose requested units changed since then.
        """
        upto = max(self._noted, minute_of(now) + 1)
        minutes = np.arange(max(self._noted, upto - READY_MINUTES), upto)
        self._ready[:, minutes % READY_MINUTES] = ready[:, None]
        self._others[:, minutes % READY_MINUTES] = 0.0 if others is None else np.nan_to_num(others)[:, None]
        self._bounds[:, :, minutes % READY_MINUTES] = ANY[:, None, None]
        asked = np.asarray(ready if requested is None else requested, np.float64)
        self._paid.note(upto - len(minutes), upto, ready.astype(np.float64), asked, now, lambda row: changed(self.pools[row]))
        self._noted = upto

    def counted(self, name: str, units: Mapping[int, int]) -> None:
        """Correct what was ready of a pool in minutes of which the provider has counted it since; what is settled stays."""
        for minute, ready in units.items():
            if self.pending_from() <= minute < self._noted:
                self._ready[self.row[name], minute % READY_MINUTES] = ready

    def bound(self, name: str, cold_starts: Mapping[int, tuple[int, int]]) -> None:
        """The least and the most cold starts of a pool in minutes that the provider has counted; what is settled stays."""
        for minute, bounds in cold_starts.items():
            if self.pending_from() <= minute < self._noted:
                self._bounds[:, self.row[name], minute % READY_MINUTES] = bounds

    def pending_from(self) -> int:
        """The first minute that is not accounted for yet."""
        return max(self._counted, self._noted - READY_MINUTES)

    def warm_up(self, peak: Floats, terms: Sequence[CostTerms]) -> None:
        """See the minutes before the first one, float32[pools, n]: what ran in them is warm still, and target tracking has
        something. What stood ready then is taken to be what stands ready in the first minute.
        """
        it = Columns.of(terms)
        ready, others = (np.nan_to_num(each[:, self.pending_from() % READY_MINUTES]) for each in (self._ready, self._others))
        for at in range(peak.shape[1]):
            tracked = np.maximum(self._tracked.advance(peak[:, at], it.metric_delay, it.lead_time), others)
            self._start((peak[:, at],) * 3, (ready + others, others, tracked), it)
        self.rehearsed = True

    def settle(self, first: int, peak: Floats, busy: Floats, invocations: Floats, terms: Sequence[CostTerms]) -> None:
        """Account for the minutes from `first` on: float32[pools, n] of demand each, NaN where unknown."""
        it = Columns.of(terms)
        for at in range(peak.shape[1]):
            minute = first + at
            seen = self._ready[:, minute % READY_MINUTES]
            others = self._others[:, minute % READY_MINUTES]
            ready, tracked = np.nan_to_num(seen) + others, self._tracked.advance(peak[:, at], it.metric_delay, it.lead_time)
            paid = self._paid.units(minute, np.nan_to_num(seen)) + others
            units = (Units(ready, paid), Units(others, others),
                     Units(np.maximum(tracked, others), np.maximum(self._tracking_paid(minute, tracked, it), others)))
            requests = np.nan_to_num(invocations[:, at]).astype(float)
            low, high = peak_range(peak[:, at], busy[:, at], invocations[:, at], it.estimated_peak)
            peaks = peak[:, at], high, low      # the high peak with the shortest keep-alive: both add cold starts
            amounts, deltas = self._minute(units, peaks, busy[:, at], requests * it.request_usd, it,
                                           self._bounds[:, :, minute % READY_MINUTES])
            hits = np.maximum(0.0, requests - amounts[:, COLD_STARTS])
            amounts = np.column_stack((amounts, amounts[:, IDLE] * it.idle, hits, others, others * it.idle,
                                       requests * it.request_usd, deltas))
            self._add(instant_of(minute).date(), np.where(np.isnan(seen)[:, None], 0.0, amounts))
        self._counted = max(self._counted, first + peak.shape[1])

    def _tracking_paid(self, minute: int, ready: Amounts, it: Columns) -> Amounts:
        """Units that target tracking pays for in a minute, of which `ready` serve."""
        at, asked = instant_of(minute), self._tracked.requested
        self._paid_tracking.note(minute, minute + 1, asked, asked, at, lambda row: Change((at,), it.billing_step[row] * MINUTE))
        return self._paid_tracking.units(minute, ready)

    def _minute(self, units: tuple[Units, Units, Units], peaks: Sequence[Floats | Amounts], busy: Floats, requests: Amounts,
                it: Columns, bounds: Amounts) -> tuple[Amounts, Amounts]:
        """Amounts of a minute with `units` as they are, without Stoker, and under target tracking, and what the ends of the
        keep-alive and of the peak would add. `peaks`: the peak, its high and its low end; `requests` in USD; `bounds`: the least
        and the most cold starts as they are.
        """
        known, cold_usd, warm = ~np.isnan(peaks[0]), it.cold_start_cost_usd, units[0]
        work = np.nan_to_num(busy).astype(float)
        starts, deltas = self._start(peaks, tuple(each.ready for each in units), it)
        within = starts[0].clip(*bounds)
        deltas[:, :2] = (starts[0][:, None] + deltas[:, :2]).clip(*bounds[:, :, None]) - within[:, None]
        cold, without, beyond = starts = [within, *starts[1:]]
        # One keep-alive is behind both counts; an estimated peak is off independently in what the provider's counts bound.
        cold_deltas = np.where(it.estimated_peak[:, None] > 0, deltas[:, 1::-1], deltas[:, :2])
        saved = (deltas[:, 2:] - cold_deltas) * (cold_usd + it.initialisation)[:, None]
        mine, nothing, theirs = (bill(each, work, began, requests, it) for each, began in zip(units, starts, strict=True))
        whole, idle = mine.usd + cold * cold_usd, np.maximum(0.0, warm.paid - np.minimum(work, warm.ready))
        amounts = np.stack((mine.warm, mine.on_demand, cold * cold_usd, mine.usd, nothing.usd + without * cold_usd - whole, cold,
                            without, warm.paid, idle, known.astype(float), nothing.usd, theirs.usd, beyond,
                            theirs.usd + beyond * cold_usd - whole), axis=1)
        return amounts, np.column_stack((deltas, saved))

    def _start(self, peaks: Sequence[Floats | Amounts], ready: Sequence[Amounts], it: Columns) -> tuple[list[Amounts], Amounts]:
        """Cold starts of the next minute as they are, without Stoker, and under target tracking; and what the low and the high
        end of the keep-alive, with their `peaks`, would add to the first and to the second: float64[pools, 4].
        """
        exact, low, high = ([each.advance(peak, units, units * it.stay_warm, keep_alive)
                             for each, units in zip(trackers, ready, strict=False)]
                            for trackers, peak, keep_alive in zip(self._warm, peaks, it.keep_alives, strict=True))
        return exact, np.stack([end[at] - exact[at] for at in range(len(low)) for end in (low, high)], axis=1)

    def _add(self, day: date, amounts: Amounts) -> None:
        if day > self._day:
            self.today = np.zeros_like(self.today)
            if day.month != self._day.month:
                self.month = np.zeros_like(self.month)
            self._day = day
        if day == self._day:
            self.today += amounts
        if (day.year, day.month) == (self._day.year, self._day.month):
            self.month += amounts
        self.ever += amounts
        self._pending[day] = self._pending.get(day, np.zeros_like(amounts)) + amounts

    def take_pending(self) -> dict[date, dict[str, dict[str, float]]]:
        """What was added since the last call, by day and pool, to be stored; it is forgotten here."""
        pending, self._pending = self._pending, {}
        return {day: {name: dict(zip(NAMES, amounts[row].tolist(), strict=True)) for row, name in enumerate(self.pools)}
                for day, amounts in pending.items()}

    def _table(self, sums: Mapping[str, Mapping[str, float]]) -> Amounts:
        table = np.zeros((len(self.pools), len(NAMES)))
        for name, amounts in sums.items():
            if name in self.row:
                table[self.row[name]] = [amounts.get(each, 0.0) for each in NAMES]
        return table


def range_of(sums: Sequence[float], name: str) -> tuple[float, float] | None:
    """Return the least and the most that figure `name` of a row of `NAMES` is over the range of the pool's keep-alive and peak;
    None where both are the same.
    """
    figure, *deltas = (sums[at] for at in RANGED[name])
    low, high = figure + min(0.0, *deltas), figure + max(0.0, *deltas)
    return (low, high) if high - low > NOISE else None


class Ledger:
    """Accounts of all pool groups, looked up by pool."""

    def __init__(self, accounts: Sequence[GroupLedger]) -> None:
        self.each = tuple(accounts)
        self._of = {name: account for account in self.each for name in account.pools}

    def since_start(self, names: Sequence[str]) -> Amounts:
        """Sums since the start of the process: float64[names, len(NAMES)]."""
        return np.array([self._of[name].ever[self._of[name].row[name]] for name in names]).reshape(len(names), len(NAMES))

    def row(self, name: str) -> tuple[list[float], list[float]]:
        """The pool's sums since midnight and since the first of the month (UTC), in the order of `NAMES`."""
        account = self._of[name]
        at = account.row[name]
        return account.today[at].tolist(), account.month[at].tolist()


async def keep_accounts(accounts: Ledger, store: AsyncStore) -> None:
    """Store what was added up since the last time; what could not be stored is lost to the store but not to the status."""
    for account in accounts.each:
        for day, batch in account.take_pending().items():
            await store.run(store.store.add_accounts, day, batch)
