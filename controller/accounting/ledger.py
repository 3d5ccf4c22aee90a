"""Ledger of cost, cold starts and savings of each pool, minute by minute as demand becomes known.

The amounts are estimates at list prices by `controller.decision.costs.cost_model`, from the ready capacity that was read and the
recorded demand. The provider's bill is authoritative. A minute of unknown demand costs its ready capacity only. A minute of
unknown ready capacity is not counted.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta

import numpy as np

from controller.accounting.minute_bill import Amounts, Columns, Units, bill
from controller.accounting.paid_units import Change, Paid
from controller.accounting.peak_range import peak_range
from controller.decision.costs.cold_starts import Warm
from controller.decision.costs.cost_model import CostTerms
from controller.decision.costs.target_tracking import TargetTracker
from controller.store.async_store import AsyncStore
from forecasting.demand import Floats, instant_of, minute_of

NAMES = ("warm_usd", "on_demand_usd", "cold_start_usd", "cost_usd", "saved_usd", "cold_starts", "cold_starts_without",
         "warm_unit_minutes", "idle_unit_minutes", "minutes", "without_usd", "tracking_usd", "cold_starts_tracking",
         "saved_on_tracking_usd", "idle_usd", "warm_hits", "others_unit_minutes", "others_usd",
         "request_usd", "cold_starts_delta_low", "cold_starts_delta_high", "cold_starts_without_delta_low",
         "cold_starts_without_delta_high", "saved_usd_delta_low", "saved_usd_delta_high")
"""Names of the columns of a ledger.

`cold_start_usd`: cold-start cost by the objective, not part of a bill. `cost_usd`: the bill: warm capacity, on-demand work,
initialisation and requests. `saved_usd`: bill and cold-start cost of the same traffic without Stoker's warm capacity, minus those
with it. `without_usd`, `tracking_usd`: the bill without that capacity, and with AWS target tracking at 70 %.
`saved_on_tracking_usd`: as `saved_usd`, relative to target tracking. `warm_unit_minutes`: of billed units; `idle_unit_minutes`
and `idle_usd`: of billed units without work. `warm_hits`: invocations without a cold start. Capacity that others keep warm is
part of every bill, also of those without Stoker; `others_unit_minutes` and `others_usd` are its share. `request_usd`: charges per
request. `*_delta_low`: what the short end of the pool's keep-alive range, with the high end of an estimated peak, would add to
that figure; `*_delta_high`: the long end, with the low end. They are differences, so sums that include days before they were
recorded stay correct.
"""

REHEARSAL = 120
"""Minutes of demand before the first counted minute. They give the warm units, and the state of target tracking, at the start."""

MINUTE = timedelta(minutes=1)
READY_MINUTES = 128
"""Minutes for which ready capacity is kept. Demand that settles later is not counted."""

RANGED = {name: tuple(NAMES.index(f"{name}{end}") for end in ("", "_delta_low", "_delta_high"))
          for name in ("cold_starts", "cold_starts_without", "saved_usd")}
"""Figures that depend on the keep-alive and the peak: the index in `NAMES` of each and of its differences."""

NOISE = 1e-9
"""Differences below this are rounding errors."""

COLD_STARTS, IDLE = NAMES.index("cold_starts"), NAMES.index("idle_unit_minutes")

ANY = np.array([0.0, np.inf])
"""Bounds (minimum, maximum) of the cold starts of a minute that the provider has not counted."""


def unstepped(_: str) -> Change:
    """Return the change of a pool whose units are billed while they are ready."""
    return Change((), timedelta(0))


class GroupLedger:
    """Ledger of the pools of one collector. Amounts are float64[pools, len(NAMES)]."""

    def __init__(self, pools: Sequence[str], today: Mapping[str, Mapping[str, float]], month: Mapping[str, Mapping[str, float]],
                 now: datetime) -> None:
        self.pools = tuple(pools)
        self.row = {name: at for at, name in enumerate(self.pools)}
        self.today, self.month = self._table(today), self._table(month)
        self.ever = np.zeros_like(self.today)
        """Sums since the start of the process. They are never reset."""
        self._day = now.date()
        self._pending: dict[date, Amounts] = {}
        self._ready = np.full((len(pools), READY_MINUTES), np.nan)
        self._others = np.zeros((len(pools), READY_MINUTES))
        self._bounds = np.tile(ANY[:, None, None], (1, len(pools), READY_MINUTES))
        self._paid, self._paid_tracking = Paid(len(pools), READY_MINUTES), Paid(len(pools), 1)
        self._warm = tuple(tuple(Warm(len(pools)) for _ in range(cases)) for cases in (3, 2, 2))
        """Warm on-demand units with Stoker, without it, and with target tracking; for the keep-alive and peak, and for the ends
        of their ranges (there without target tracking).
        """
        self._tracked = TargetTracker(len(pools))
        self.rehearsed = False
        self._noted = self._counted = minute_of(now)

    def ready(self, ready: Floats, now: datetime, others: Floats | None = None, requested: Floats | None = None,
              changed: Callable[[str], Change] = unstepped) -> None:
        """Record a reading for the minutes since the last call: ready units, units that others keep warm in addition, and
        requested units, float32[pools] each, NaN where unknown. `changed`: returns the change of a pool whose requested units
        changed.
        """
        upto = max(self._noted, minute_of(now) + 1)
        minutes = np.arange(max(self._noted, upto - READY_MINUTES), upto)
        self._ready[:, minutes % READY_MINUTES] = ready[:, None]
        self._others[:, minutes % READY_MINUTES] = 0.0 if others is None else np.nan_to_num(others)[:, None]
        self._bounds[:, :, minutes % READY_MINUTES] = ANY[:, None, None]
        wanted = np.asarray(ready if requested is None else requested, np.float64)
        self._paid.note(upto - len(minutes), upto, ready.astype(np.float64), wanted, now, lambda row: changed(self.pools[row]))
        self._noted = upto

    def counted(self, name: str, units: Mapping[int, int]) -> None:
        """Correct the ready units of a pool in minutes that the provider has counted since. Settled minutes stay."""
        for minute, ready in units.items():
            if self.pending_from() <= minute < self._noted:
                self._ready[self.row[name], minute % READY_MINUTES] = ready

    def bound(self, name: str, cold_starts: Mapping[int, tuple[int, int]]) -> None:
        """Set the minimum and maximum of cold starts of a pool in minutes that the provider has counted. Settled minutes stay."""
        for minute, bounds in cold_starts.items():
            if self.pending_from() <= minute < self._noted:
                self._bounds[:, self.row[name], minute % READY_MINUTES] = bounds

    def pending_from(self) -> int:
        """Return the first minute that is not counted yet."""
        return max(self._counted, self._noted - READY_MINUTES)

    def warm_up(self, peak: Floats, terms: Sequence[CostTerms]) -> None:
        """Process demand before the first counted minute, float32[pools, n], so that on-demand units that are still warm and the
        state of target tracking are known. The ready capacity of the first counted minute is assumed for all of it.
        """
        columns = Columns.of(terms)
        ready, others = (np.nan_to_num(each[:, self.pending_from() % READY_MINUTES]) for each in (self._ready, self._others))
        for at in range(peak.shape[1]):
            tracked = np.maximum(self._tracked.advance(peak[:, at], columns.metric_delay, columns.lead_time), others)
            self._start((peak[:, at],) * 3, (ready + others, others, tracked), columns)
        self.rehearsed = True

    def settle(self, first: int, peak: Floats, busy: Floats, invocations: Floats, terms: Sequence[CostTerms]) -> None:
        """Count the minutes from `first` on: float32[pools, n] of demand each, NaN where unknown."""
        columns = Columns.of(terms)
        for at in range(peak.shape[1]):
            minute = first + at
            own = self._ready[:, minute % READY_MINUTES]
            others = self._others[:, minute % READY_MINUTES]
            ready = np.nan_to_num(own) + others
            tracked = self._tracked.advance(peak[:, at], columns.metric_delay, columns.lead_time)
            paid = self._paid.units(minute, np.nan_to_num(own)) + others
            units = (Units(ready, paid), Units(others, others),
                     Units(np.maximum(tracked, others), np.maximum(self._tracking_paid(minute, tracked, columns), others)))
            requests = np.nan_to_num(invocations[:, at]).astype(float)
            low, high = peak_range(peak[:, at], busy[:, at], invocations[:, at], columns.estimated_peak)
            peaks = peak[:, at], high, low      # high peak with the shortest keep-alive: both add cold starts
            amounts, deltas = self._minute(units, peaks, busy[:, at], requests * columns.request_usd, columns,
                                           self._bounds[:, :, minute % READY_MINUTES])
            hits = np.maximum(0.0, requests - amounts[:, COLD_STARTS])
            amounts = np.column_stack((amounts, amounts[:, IDLE] * columns.idle, hits, others, others * columns.idle,
                                       requests * columns.request_usd, deltas))
            self._add(instant_of(minute).date(), np.where(np.isnan(own)[:, None], 0.0, amounts))
        self._counted = max(self._counted, first + peak.shape[1])

    def _tracking_paid(self, minute: int, ready: Amounts, columns: Columns) -> Amounts:
        """Return the billed units of target tracking in a minute, of which `ready` serve."""
        at, requested = instant_of(minute), self._tracked.requested
        self._paid_tracking.note(minute, minute + 1, requested, requested, at,
                                 lambda row: Change((at,), columns.billing_step[row] * MINUTE))
        return self._paid_tracking.units(minute, ready)

    def _minute(self, units: tuple[Units, Units, Units], peaks: Sequence[Floats | Amounts], busy: Floats, requests: Amounts,
                columns: Columns, bounds: Amounts) -> tuple[Amounts, Amounts]:
        """Return the amounts of a minute, and what the ends of keep-alive and peak would add. `units`: with Stoker, without it,
        and with target tracking. `peaks`: the peak, its high and its low end. `requests`: in USD. `bounds`: minimum and maximum
        of the cold starts with Stoker.
        """
        known, cold_usd, warm = ~np.isnan(peaks[0]), columns.cold_start_cost_usd, units[0]
        work = np.nan_to_num(busy).astype(float)
        starts, deltas = self._start(peaks, tuple(each.ready for each in units), columns)
        within = starts[0].clip(*bounds)
        deltas[:, :2] = (starts[0][:, None] + deltas[:, :2]).clip(*bounds[:, :, None]) - within[:, None]
        cold, without, cold_tracking = starts = [within, *starts[1:]]
        # Both counts share one keep-alive. The error of an estimated peak is independent where provider counts bound the count.
        cold_deltas = np.where(columns.estimated_peak[:, None] > 0, deltas[:, 1::-1], deltas[:, :2])
        saved = (deltas[:, 2:] - cold_deltas) * (cold_usd + columns.initialisation)[:, None]
        stoker, nothing, tracking = (bill(each, work, cold_starts, requests, columns)
                                     for each, cold_starts in zip(units, starts, strict=True))
        total, idle = stoker.usd + cold * cold_usd, np.maximum(0.0, warm.paid - np.minimum(work, warm.ready))
        amounts = np.stack((stoker.warm, stoker.on_demand, cold * cold_usd, stoker.usd, nothing.usd + without * cold_usd - total,
                            cold, without, warm.paid, idle, known.astype(float), nothing.usd, tracking.usd, cold_tracking,
                            tracking.usd + cold_tracking * cold_usd - total), axis=1)
        return amounts, np.column_stack((deltas, saved))

    def _start(self, peaks: Sequence[Floats | Amounts], ready: Sequence[Amounts],
               columns: Columns) -> tuple[list[Amounts], Amounts]:
        """Return the cold starts of the next minute with Stoker, without it, and with target tracking; and what the low and the
        high end of the keep-alive, with their `peaks`, would add to the first two: float64[pools, 4].
        """
        exact, low, high = ([each.advance(peak, units, units * columns.stay_warm, keep_alive)
                             for each, units in zip(trackers, ready, strict=False)]
                            for trackers, peak, keep_alive in zip(self._warm, peaks, columns.keep_alives, strict=True))
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
        """Return the sums added since the last call, by day and pool, and clear them."""
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
    """Return the minimum and maximum of figure `name` of a row of `NAMES` over the ranges of the pool's keep-alive and peak; None
    when they are equal.
    """
    figure, *deltas = (sums[at] for at in RANGED[name])
    low, high = figure + min(0.0, *deltas), figure + max(0.0, *deltas)
    return (low, high) if high - low > NOISE else None


class Ledger:
    """Ledgers of all pool groups, accessed by pool."""

    def __init__(self, accounts: Sequence[GroupLedger]) -> None:
        self.each = tuple(accounts)
        self._of = {name: account for account in self.each for name in account.pools}

    def since_start(self, names: Sequence[str]) -> Amounts:
        """Return the sums since the start of the process: float64[names, len(NAMES)]."""
        return np.array([self._of[name].ever[self._of[name].row[name]] for name in names]).reshape(len(names), len(NAMES))

    def row(self, name: str) -> tuple[list[float], list[float]]:
        """Return the pool's sums since midnight and since the first of the month (UTC), in the order of `NAMES`."""
        account = self._of[name]
        at = account.row[name]
        return account.today[at].tolist(), account.month[at].tolist()


async def keep_accounts(accounts: Ledger, store: AsyncStore) -> None:
    """Store the sums added since the last call. After a store error they are missing in the store, but not in the status."""
    for account in accounts.each:
        for day, batch in account.take_pending().items():
            await store.run(store.store.add_accounts, day, batch)
