"""Ledger of cost, cold starts and savings of each pool, minute by minute as demand becomes known.

The amounts are estimates at list prices by `controller.decision.costs.cost_model`, from the ready capacity that was read and the
recorded demand. The provider's bill is authoritative. A minute of unknown demand costs its ready capacity only. Where only the
peak is unknown, because of own pings, it is estimated (`controller.decision.costs.estimated_peaks`). A minute of unknown ready
capacity is not counted.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta

import numpy as np

from adapters.ports.lever import PingsSent
from controller.accounting.capacity_minutes import MINUTES, CapacityMinutes, Read, unstepped
from controller.accounting.minute_bill import Amounts, Columns, Kept, Served, Units, bill
from controller.accounting.paid_units import Change, Paid
from controller.accounting.pinged_minutes import PingedMinutes, Work
from controller.decision.costs.cold_starts import Warm
from controller.decision.costs.cost_model import CostTerms
from controller.decision.costs.estimated_peaks import HiddenPeaks, peak_range
from controller.decision.costs.kinds import Mode
from controller.decision.costs.target_tracking import TargetTracker
from forecasting.demand import Floats, instant_of, minute_of

NAMES = ("warm_usd", "on_demand_usd", "bill_usd", "bill_without_stoker_usd", "bill_target_tracking_usd",
         "cold_starts", "cold_starts_without_stoker", "cold_starts_target_tracking", "cold_start_cost_usd",
         "cold_start_cost_without_stoker_usd", "cold_start_cost_target_tracking_usd", "warm_unit_minutes", "idle_unit_minutes",
         "minutes", "known_minutes", "idle_usd", "warm_hits", "others_unit_minutes", "others_bill_usd", "request_usd",
         "ping_usd", "cold_starts_during_pings", "cold_starts_delta_low", "cold_starts_delta_high",
         "cold_starts_without_stoker_delta_low", "cold_starts_without_stoker_delta_high")
"""Names of the columns of a ledger.

`bill_usd`: what the provider charges: warm capacity, on-demand work, initialisation, requests and pings. `*_without_stoker`: of
the same traffic without Stoker's warm capacity; `*_target_tracking`: with AWS target tracking at 70 %. `cold_start_cost_usd`:
cold starts at the price of the objective, never part of a bill. `cold_starts_during_pings`: of `cold_starts`, those that happen
because a round of pings holds units. `warm_unit_minutes`: of billed units; `idle_unit_minutes` and `idle_usd`: of billed units
without work. `minutes`: those that are counted; `known_minutes`: those of them with a known peak. `warm_hits`:
invocations without a cold start. Capacity that others keep warm is part of every bill, also of those without Stoker;
`others_unit_minutes` and `others_bill_usd` are its share. `request_usd`: charges per request. `ping_usd`: pings that keep units
warm above those of the lever, as a layer of the pool. `*_delta_low`: what the short end of the pool's keep-alive range, with the
high end of an estimated peak, would add to that figure; `*_delta_high`: the long end, with the low end. They are differences, so
sums that include days before they were recorded stay correct.
"""

REHEARSAL = 120
"""Minutes of demand before the first counted minute. They give the warm units, and the state of target tracking, at the start."""

MINUTE = timedelta(minutes=1)

RANGED = {name: tuple(NAMES.index(f"{name}{end}") for end in ("", "_delta_low", "_delta_high"))
          for name in ("cold_starts", "cold_starts_without_stoker")}
"""Figures that depend on the keep-alive and the peak: the index in `NAMES` of each and of its differences."""

NOISE = 1e-9
"""Differences below this are rounding errors."""

COLD_STARTS, IDLE = NAMES.index("cold_starts"), NAMES.index("idle_unit_minutes")


class GroupLedger:
    """Ledger of the pools of one collector, each in its present mode. Amounts are float64[pools, len(NAMES)]."""

    def __init__(self, pools: Sequence[str], today: Mapping[str, Mapping[str, float]], month: Mapping[str, Mapping[str, float]],
                 now: datetime) -> None:
        self.pools = tuple(pools)
        self.row = {name: at for at, name in enumerate(self.pools)}
        """Rows of the pools; without those of pools that were moved to another ledger or have left the policy."""
        self.today, self.month = self._table(today), self._table(month)
        self.ever = np.zeros_like(self.today)
        """Sums since the start of the process. They are never reset."""
        self.day = now.date()
        """Day (UTC) of the sums in `today`."""
        self._pending: dict[date, Amounts] = {}
        self._counted = minute_of(now)
        self._capacity, self._paid_tracking = CapacityMinutes(len(pools), self._counted), Paid(len(pools), 1)
        self._warm = tuple(tuple(Warm(len(pools)) for _ in range(cases)) for cases in (3, 2, 2))
        """Warm on-demand units with Stoker, without it, and with target tracking; for the keep-alive and peak, and for the ends
        of their ranges (there without target tracking).
        """
        self._tracked, self._pinged, self._hidden = TargetTracker(len(pools)), PingedMinutes(len(pools)), HiddenPeaks(len(pools))
        self.rehearsed = False
        self.changes = 0
        """Number of changes of the sums since the start."""

    def ready(self, ready: Floats, now: datetime, others: Floats | None = None, requested: Floats | None = None,
              pinged: Floats | None = None, changed: Callable[[str], Change] | None = None) -> None:
        """Record a reading for the minutes since the last call: ready units, units that others keep warm in addition, requested
        units, and units that pings have proved warm above the ready ones, float32[pools] each, NaN where unknown. `changed`:
        returns the change of a pool whose requested units changed.
        """
        none = np.zeros_like(ready)
        read = Read(ready, ready if requested is None else requested, none if others is None else others,
                    none if pinged is None else pinged)
        self._capacity.note(read, now, unstepped if changed is None else lambda row: changed(self.pools[row]))

    def counted(self, name: str, units: Mapping[int, int]) -> None:
        """Correct the ready units of a pool in minutes that the provider has counted since. Settled minutes stay."""
        self._capacity.correct(self.row[name], units, self.pending_from())

    def bound(self, name: str, cold_starts: Mapping[int, tuple[int, int]]) -> None:
        """Set the minimum and maximum of cold starts of a pool in minutes that the provider has counted. Settled minutes stay."""
        self._capacity.bound(self.row[name], cold_starts, self.pending_from())

    def sent(self, name: str, since: int, pings: Mapping[int, PingsSent]) -> None:
        """Set the pings that keep the units of a pool warm, in minutes from `since` on. Settled minutes stay."""
        self._capacity.sent(self.row[name], since, pings, self.pending_from())

    def pending_from(self) -> int:
        """Return the first minute that is not counted yet."""
        return max(self._counted, self._capacity.end - MINUTES)

    def warm_up(self, peak: Floats, busy: Floats, invocations: Floats, terms: Sequence[CostTerms]) -> None:
        """Process demand before the first counted minute, float32[pools, n] each, so that warm on-demand units, target tracking
        and the usual height of peaks are known. The ready capacity of the first counted minute is assumed for all of it.
        """
        columns = Columns.of(terms)
        _, warm, others, *_ = self._capacity.at(self.pending_from())
        nothing, idle = Units.of_lever(others, others), Work(np.zeros_like(others), np.zeros_like(others))
        for most in self._hidden.advance(peak, busy, invocations)[0].T:
            tracked = np.maximum(self._tracked.advance(most, columns.metric_delay, columns.lead_time), others)
            self._start((most,) * 3, (warm, nothing, Units.of_lever(tracked, tracked)), columns)
            self._pinged.note(most, idle, warm, terms)
        self.rehearsed = True

    def settle(self, first: int, peak: Floats, busy: Floats, invocations: Floats, terms: Sequence[CostTerms]) -> None:
        """Count the minutes from `first` on: float32[pools, n] of demand each, NaN where unknown."""
        columns, (peaks, hidden) = Columns.of(terms), self._hidden.advance(peak, busy, invocations)
        for at in range(peak.shape[1]):
            minute, most = first + at, peaks[:, at]
            known, warm, others, bounds, sent = self._capacity.at(minute)
            tracked = self._tracked.advance(most, columns.metric_delay, columns.lead_time)
            paid = np.maximum(self._tracking_paid(minute, tracked, columns), others)
            units = warm, Units.of_lever(others, others), Units.of_lever(np.maximum(tracked, others), paid)
            requests = np.nan_to_num(invocations[:, at]).astype(float)
            low, high = peak_range(most, busy[:, at], invocations[:, at], np.maximum(columns.estimated_peak, hidden[:, at]))
            ends = most, high, low      # high peak with the shortest keep-alive: both add cold starts
            kept = Kept.at_price(warm, columns).with_pings(sent, columns)
            amounts, deltas, during_pings = self._minute(units, kept, ends,
                                                         Work(np.nan_to_num(busy[:, at]).astype(float), requests),
                                                         columns, bounds, terms)
            hits = np.maximum(0.0, requests - amounts[:, COLD_STARTS])
            idle_usd = kept.own * amounts[:, IDLE] / np.where(warm.paid > 0, warm.paid, 1.0)
            amounts = np.column_stack((amounts, ~np.isnan(peak[:, at]), idle_usd, hits, others, others * columns.idle,
                                       requests * columns.request_usd, kept.pinged, during_pings, deltas))
            self._add(instant_of(minute).date(), np.where(known[:, None], amounts, 0.0))
        self._counted = max(self._counted, first + peak.shape[1])

    def _tracking_paid(self, minute: int, ready: Amounts, columns: Columns) -> Amounts:
        """Return the billed units of target tracking in a minute, of which `ready` serve."""
        at, requested = instant_of(minute), self._tracked.requested
        self._paid_tracking.note(minute, minute + 1, requested, requested, at,
                                 lambda row: Change((at,), columns.billing_step[row] * MINUTE))
        return self._paid_tracking.units(minute, ready)

    def _minute(self, units: tuple[Units, Units, Units], kept: Kept, peaks: Sequence[Amounts], work: Work,
                columns: Columns, bounds: Amounts, terms: Sequence[CostTerms]) -> tuple[Amounts, Amounts, Amounts]:
        """Return the amounts of a minute, what the ends of keep-alive and peak would add, and the cold starts during pings.
        `units`: with Stoker, without it, and with target tracking. `kept`: the cost of the first. `peaks`: the peak, its high and
        its low end. `bounds`: minimum and maximum of the cold starts with Stoker.
        """
        cold_usd, warm = columns.cold_start_cost_usd, units[0]
        starts, deltas = self._start(peaks, units, columns)
        within = starts[0].clip(*bounds)
        deltas[:, :2] = (starts[0][:, None] + deltas[:, :2]).clip(*bounds[:, :, None]) - within[:, None]
        self._pinged.note(peaks[0], work, warm, terms)
        during_pings = self._pinged.expected(terms)
        starts, requests = [within + during_pings, *starts[1:]], work.requests * columns.request_usd
        costs = kept, *(Kept.at_price(each, columns) for each in units[1:])
        served = [Served.of(each, work.busy, peaks[0], columns) for each in units]
        stoker, nothing, tracking = (bill(*each, requests, columns) for each in zip(costs, served, starts, strict=True))
        idle = np.maximum(0.0, warm.paid - served[0].warm)
        amounts = np.stack((stoker.warm, stoker.on_demand, stoker.usd, nothing.usd, tracking.usd, *starts,
                            *(cold_starts * cold_usd for cold_starts in starts), warm.paid, idle, np.ones_like(idle)), axis=1)
        return amounts, deltas, during_pings

    def _start(self, peaks: Sequence[Amounts], units: Sequence[Units],
               columns: Columns) -> tuple[list[Amounts], Amounts]:
        """Return the cold starts of the next minute with Stoker, without it, and with target tracking; and what the low and the
        high end of the keep-alive, with their `peaks`, would add to the first two: float64[pools, 4].
        """
        exact, low, high = ([each.advance(peak, kept.warm, kept.ready * columns.stay_warm + kept.pinged, keep_alive)
                             for each, kept in zip(trackers, units, strict=False)]
                            for trackers, peak, keep_alive in zip(self._warm, peaks, columns.keep_alives, strict=True))
        return exact, np.stack([end[at] - exact[at] for at in range(len(low)) for end in (low, high)], axis=1)

    def _add(self, day: date, amounts: Amounts) -> None:
        if day > self.day:
            self.today = np.zeros_like(self.today)
            if day.month != self.day.month:
                self.month = np.zeros_like(self.month)
            self.day = day
        if day == self.day:
            self.today += amounts
        if (day.year, day.month) == (self.day.year, self.day.month):
            self.month += amounts
        self.ever += amounts
        self.changes += 1
        self._pending[day] = self._pending.get(day, np.zeros_like(amounts)) + amounts

    def take_pending(self) -> dict[date, dict[str, dict[str, float]]]:
        """Return the sums added since the last call, by day and pool, and clear them."""
        pending, self._pending = self._pending, {}
        return {day: {name: dict(zip(NAMES, amounts[row].tolist(), strict=True)) for name, row in self.row.items()}
                for day, amounts in pending.items()}

    def restart(self, name: str, today: Sequence[float], month: Sequence[float]) -> None:
        """Continue a pool in its other mode, with the sums of that. Its minutes that are not counted yet are not counted: their
        readings are those of the mode before.
        """
        row = self.row[name]
        self.today[row], self.month[row], self.ever[row] = today, month, 0.0
        self._capacity.forget(row)
        self.changes += 1

    def _table(self, sums: Mapping[str, Mapping[str, float]]) -> Amounts:
        table = np.zeros((len(self.pools), len(NAMES)))
        for name, amounts in sums.items():
            if name in self.row:
                table[self.row[name]] = listed(amounts)
        return table


Sums = tuple[list[float], list[float]]
"""Sums of today and of this month, in the order of `NAMES`."""

Stored = Mapping[Mode, Mapping[str, Mapping[str, float]]]
"""Sums by mode and pool."""


class Ledger:
    """Ledgers of all pool groups, accessed by pool. `modes`: the mode of each pool. `today`, `month`: the stored sums, of which
    those in another mode than the pool's present one stay apart.
    """

    def __init__(self, accounts: Sequence[GroupLedger], modes: Mapping[str, Mode], today: Stored | None = None,
                 month: Stored | None = None) -> None:
        self.each, self.modes = tuple(accounts), dict(modes)
        self._of = {name: account for account in self.each for name in account.row}
        self._earlier: dict[str, tuple[date, dict[Mode, Sums]]] = {}
        self._set_apart(modes, today or {}, month or {})

    def switch(self, name: str, mode: Mode) -> None:
        """Continue a pool in another mode. Its sums so far stay apart; `take_pending` of its group must have been stored."""
        before, sums = self.modes[name], self.row(name)
        self._of[name].restart(name, *self.earlier(name).get(mode, (listed({}), listed({}))))
        self._earlier[name], self.modes[name] = (self._of[name].day, {before: sums}), mode

    def arrange(self, accounts: Sequence[GroupLedger], added: Mapping[str, Mode], today: Stored, month: Stored) -> None:
        """Continue with these ledgers, in the order of the groups. `added`: modes of the pools new in them, with their stored
        sums.
        """
        self.each = tuple(accounts)
        self._of = {name: account for account in self.each for name in account.row}
        self.modes = {name: mode for name, mode in {**self.modes, **added}.items() if name in self._of}
        self._earlier = {name: each for name, each in self._earlier.items() if name in self._of}
        self._set_apart(added, today, month)

    def _set_apart(self, modes: Mapping[str, Mode], today: Stored, month: Stored) -> None:
        """Keep the sums of pools in another mode than their present one."""
        day = self.each[0].day if self.each else date.min
        self._earlier |= {name: (day, {mode: (listed(today.get(mode, {}).get(name, {})), listed(amounts))})
                          for mode, pools in month.items() for name, amounts in pools.items() if modes.get(name, mode) != mode}

    def since_start(self, names: Sequence[str]) -> Amounts:
        """Return the sums since the start of the process: float64[names, len(NAMES)]."""
        return np.array([self._of[name].ever[self._of[name].row[name]] for name in names]).reshape(len(names), len(NAMES))

    def row(self, name: str) -> Sums:
        """Return the pool's sums in its present mode, since midnight and since the first of the month (UTC)."""
        account = self._of[name]
        at = account.row[name]
        return account.today[at].tolist(), account.month[at].tolist()

    def months(self, names: Sequence[str]) -> Amounts:
        """Return the sums of this month in the present mode of each pool: float64[names, len(NAMES)]."""
        return np.array([self._of[name].month[self._of[name].row[name]] for name in names]).reshape(len(names), len(NAMES))

    def by_mode(self, name: str) -> dict[Mode, Sums]:
        """Return the pool's sums in its present mode, and in the other mode if it was in that one earlier this month."""
        return {self.modes[name]: self.row(name), **self.earlier(name)}

    def earlier(self, name: str) -> dict[Mode, Sums]:
        """Return the pool's sums in the other mode than its present one; empty unless it was in that one earlier this month."""
        if name not in self._earlier:
            return {}
        (opened, sums), day = self._earlier[name], self._of[name].day
        if (day.year, day.month) != (opened.year, opened.month):
            return {}
        return {mode: (today if day == opened else listed({}), month) for mode, (today, month) in sums.items()}

    def group_of(self, name: str) -> GroupLedger:
        """Return the ledger of the pool's group."""
        return self._of[name]


def listed(amounts: Mapping[str, float]) -> list[float]:
    """Return stored sums in the order of `NAMES`; 0 where there is none."""
    return [amounts.get(name, 0.0) for name in NAMES]
