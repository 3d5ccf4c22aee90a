"""Signals: statistics of recent demand of many pools, from which candidates propose capacity. Pure.

A signal is a number of units for each pool and minute. It is calculated from that minute and those before it, and is about the
first minute that a decision made then can change. Recent maxima look back from the minute; seasonal ones look at the same time on
earlier days, in blocks of 5 min; quantiles describe a day or a week. Unknown minutes are left out and never counted as zero. A
pool without known minutes has signals of zero.

A history gives the same numbers however it is divided into calls: the backtest passes days, the daemon minutes.
"""

import numpy as np
from numpy.typing import NDArray

from controller.decision.selection.learned_state import Arrays, State, part_of, prefixed, restored
from forecasting.demand import MINUTES_PER_DAY, Floats

BLOCK = 5
"""Minutes of a block: the resolution of signals that look back further than 3 h."""

BLOCKS_PER_DAY = MINUTES_PER_DAY // BLOCK
DAYS = 7
HOUR = 60
RECENT_MINUTES = (10, 20, 30, 45, 60, 90, 120, 180)
LONG_MINUTES = (360, 1440)
SHORTEST = 15
HALF_LIVES = (15, 45, 360)
"""Half-lives of the decaying maxima, in minutes."""

ROUND_UP_ABOVE = 0.25
"""A decaying maximum is rounded up to the next unit if its fraction is above this, else down."""

WIDTHS = (5, 30, 120)
"""Minutes before and after a time of day that count as the same time of day."""

MINUTES_KEPT = 384
BLOCKS_KEPT = DAYS * BLOCKS_PER_DAY + 2 * max(WIDTHS) // BLOCK
WEEK_QUANTILES = (0.5, 0.75, 0.9, 0.97)
UNKNOWN = -1.0
Signal = NDArray[np.float32]


def moving_max(values: Signal, width: int) -> Signal:
    """Return the maximum of each `width` neighbours along the last axis, which gets shorter by `width - 1`.

    Windows are built by doubling. Where there are fewer windows than `width`, all share a middle, whose maximum is found once.
    """
    count = values.shape[-1] - width + 1
    if count < width:
        out = np.repeat(values[..., count - 1 : width].max(axis=-1, keepdims=True), count, axis=-1)
        if count > 1:
            before = np.maximum.accumulate(values[..., count - 2 :: -1], axis=-1)[..., ::-1]
            np.maximum(out[..., :-1], before, out=out[..., :-1])
            np.maximum(out[..., 1:], np.maximum.accumulate(values[..., width:], axis=-1), out=out[..., 1:])
        return out
    reach = 1
    while reach < width:
        step = min(reach, width - reach)
        values = np.maximum(values[..., step:], values[..., : values.shape[-1] - step])
        reach += step
    return values


def order_statistic(values: Signal, level: float | NDArray[np.float64]) -> Signal:
    """Return the `level` quantile (higher neighbour) of the known values in each row of float32[pools, n]; zero without any.

    `level`: one for all or float64[pools]. Unknown values are `UNKNOWN`, below every known one.
    """
    ranked = np.sort(values, axis=1)
    unknown = (ranked == UNKNOWN).sum(axis=1)
    known = values.shape[1] - unknown
    at = unknown + np.ceil(np.maximum(known - 1, 0) * level - 1e-9).astype(np.int64)
    found = np.take_along_axis(ranked, np.minimum(at, values.shape[1] - 1)[:, None], axis=1)[:, 0]
    return np.where(known > 0, found, np.float32(0))


class Signals:
    """Signals of `pools` pools, from their last 384 minutes and a week of blocks, float32.

    `horizon`: minutes from the newest known minute to the first one that a decision changes. `spare`: float64[pools], the share
    of time that a unit may be idle before it costs more than it saves over on-demand work; none below zero.
    """

    def __init__(self, pools: int, horizon: int, spare: NDArray[np.float64]) -> None:
        self._horizon, self._spare = horizon, spare
        self._peak = np.full((pools, MINUTES_KEPT), UNKNOWN, np.float32)
        self._busy = np.full((pools, BLOCK), UNKNOWN, np.float32)
        self._tops = np.full((pools, BLOCKS_KEPT), UNKNOWN, np.float32)
        self._means = np.full((pools, 3 * HOUR // BLOCK), UNKNOWN, np.float32)
        self._decaying = np.zeros((len(HALF_LIVES), pools), np.float32)
        self._hourly: dict[str, Signal] = {}

    def state(self) -> Arrays:
        """Return what has been learned, without copies. The first axis of every array is that of the pools."""
        own: Arrays = {"peak": self._peak, "busy": self._busy, "tops": self._tops, "means": self._means,
                       "decaying": self._decaying.T}
        return own | prefixed(hourly=self._hourly)

    def restore(self, state: State) -> None:
        """Set what `state` returned; raise KeyError or ValueError if it is of other pools."""
        self._peak, self._busy = restored(state, "peak", self._peak), restored(state, "busy", self._busy)
        self._tops, self._means = restored(state, "tops", self._tops), restored(state, "means", self._means)
        self._decaying = np.ascontiguousarray(restored(state, "decaying", self._decaying.T).T)
        hourly, like = part_of(state, "hourly"), np.zeros(len(self._peak), np.float32)
        self._hourly = {name: restored(hourly, name, like) for name in hourly}

    def part(self, pools: NDArray[np.int64]) -> "Signals":
        """Return the signals of some of the pools, which share nothing with these."""
        part = Signals(len(pools), self._horizon, self._spare[pools])
        part.restore({name: values[pools] for name, values in self.state().items()})
        return part

    def advance(self, peak: Floats, busy: Floats, first_minute: int) -> dict[str, Signal]:
        """Store n minutes, which follow those of the last call, and return their signals by name: float32[pools, n]."""
        signals, (peak, busy, tops, means) = self._calculate(peak, busy, first_minute)
        self._peak, self._busy = peak[:, -MINUTES_KEPT:].copy(), busy[:, -BLOCK:].copy()
        if tops is not self._tops:
            self._tops, self._means = tops[:, -BLOCKS_KEPT:].copy(), means[:, -self._means.shape[1]:].copy()
        return signals

    def preview(self, peak: Floats, busy: Floats, first_minute: int) -> dict[str, Signal]:
        """Return what `advance` would return for minutes that may still be corrected, and store nothing of them."""
        hourly, decaying = dict(self._hourly), self._decaying
        signals, _ = self._calculate(peak, busy, first_minute)
        self._hourly, self._decaying = hourly, decaying
        return signals

    def _calculate(self, peak: Floats, busy: Floats, first_minute: int) -> tuple[dict[str, Signal], tuple[Signal, ...]]:
        """Return signals, and the stored minutes and blocks with the new ones after them."""
        count = peak.shape[1]
        peak = np.concatenate((self._peak, np.where(np.isnan(peak), np.float32(UNKNOWN), np.ceil(peak))), axis=1)
        busy = np.concatenate((self._busy, np.where(np.isnan(busy), np.float32(UNKNOWN), busy)), axis=1)
        tops, means = self._blocks(peak, busy, count, first_minute)
        minutes = first_minute + np.arange(count)
        signals = self._recent(peak, count)
        signals |= self._long(tops, signals["recent 5"], minutes)
        signals |= self._seasonal(tops, minutes)
        signals |= self._decayed(peak[:, -count:])
        signals["hourly"] = self._same_minute(peak, count)
        signals["busy 5"] = self._base(order_statistic_of_last(busy, BLOCK, count, self._spare))
        signals |= self._described(tops, means, minutes)
        return {name: np.maximum(values, 0) for name, values in signals.items()}, (peak, busy, tops, means)

    def _blocks(self, peak: Signal, busy: Signal, count: int, first_minute: int) -> tuple[Signal, Signal]:
        """Return maxima and means of the stored blocks, and after them of those that the new minutes complete."""
        whole, rest = divmod(first_minute % BLOCK + count, BLOCK)
        if not whole:
            return self._tops, self._means
        cut = slice(peak.shape[1] - rest - whole * BLOCK, peak.shape[1] - rest)
        shape = (len(peak), whole, BLOCK)
        tops = peak[:, cut].reshape(shape).max(axis=2)
        cut = slice(busy.shape[1] - rest - whole * BLOCK, busy.shape[1] - rest)
        rows = busy[:, cut].reshape(shape)
        known = rows != UNKNOWN
        counts = known.sum(axis=2)
        means = np.where(counts > 0, np.where(known, rows, 0).sum(axis=2) / np.maximum(counts, 1), UNKNOWN).astype(np.float32)
        return np.concatenate((self._tops, tops), axis=1), np.concatenate((self._means, means), axis=1)

    def _recent(self, peak: Signal, count: int) -> dict[str, Signal]:
        return {f"recent {width}": moving_max(peak[:, -(count + width - 1):], width)
                for width in (BLOCK, SHORTEST, *RECENT_MINUTES)}

    def _long(self, tops: Signal, latest: Signal, minutes: NDArray[np.int64]) -> dict[str, Signal]:
        """Return maxima over hours and a day: of whole blocks, and of the last 5 min for the block that is not whole yet."""
        before = minutes // BLOCK - minutes[0] // BLOCK + BLOCKS_KEPT  # blocks of `tops` that were whole before each minute
        out = {}
        for width in LONG_MINUTES:
            blocks = width // BLOCK - 1
            maxima = moving_max(tops[:, before[0] - blocks :], blocks)
            out[f"recent {width}"] = np.maximum(latest, maxima[:, before - before[0]])
        return out

    def _decayed(self, peak: Signal) -> dict[str, Signal]:
        """Return decaying maxima. A minute lowers them by their half-life or raises them to its peak, unless it is unknown."""
        factors = 0.5 ** (1 / np.array(HALF_LIVES, np.float32))[:, None].astype(np.float32)
        rows = np.empty((peak.shape[1], len(HALF_LIVES), len(peak)), np.float32)
        before, all_known = self._decaying, (peak != UNKNOWN).all(axis=0).tolist()
        for now, row, known in zip(np.ascontiguousarray(peak.T), rows, all_known, strict=True):
            np.maximum(np.multiply(before, factors, out=row), now, out=row)
            if not known:
                np.copyto(row, before, where=now == UNKNOWN)
            before = row
        self._decaying = before.copy()
        whole = rows.transpose(1, 2, 0)
        np.ceil(whole - np.float32(ROUND_UP_ABOVE), out=whole)
        return {f"decaying {minutes}": whole[row] for row, minutes in enumerate(HALF_LIVES)}

    def _seasonal(self, tops: Signal, minutes: NDArray[np.int64]) -> dict[str, Signal]:
        """Return maxima around this time of day on the last 7 days: highest, second highest, median, yesterday, 7 days ago."""
        ahead = (minutes + self._horizon) // BLOCK
        origin = minutes[0] // BLOCK - BLOCKS_KEPT
        first, row = int(ahead[0]) - origin, ahead - ahead[0]
        span = int(row[-1]) + 1
        out: dict[str, Signal] = {}
        for width in WIDTHS:
            reach = width // BLOCK
            starts = (first - day * BLOCKS_PER_DAY - reach for day in range(1, DAYS + 1))
            days = np.stack([moving_max(tops[:, start : start + span + 2 * reach], 2 * reach + 1) for start in starts])
            ranked = np.sort(days, axis=0)
            kinds = {"maximum of week": ranked[-1], "second of week": ranked[-2], "median of week": ranked[-4],
                     "yesterday": days[0], "two days": np.maximum(days[0], days[1]), "week ago": days[-1]}
            out |= {f"{kind} {width}": values[:, row] for kind, values in kinds.items()}
        return out

    def _same_minute(self, peak: Signal, count: int) -> Signal:
        """Return the second highest peak at the same minute, ±2 min, of the last 4 hours: for traffic from hourly timers."""
        around = moving_max(peak, 5)  # near[:, j] is centred on peak[:, j + 2]
        soonest = -(-(self._horizon + 2) // HOUR)
        end = around.shape[1] + 2 + self._horizon
        hours = [around[:, end - lag - count : end - lag] for lag in range(soonest * HOUR, (soonest + 4) * HOUR, HOUR)]
        second: Signal = np.sort(np.stack(hours), axis=0)[-2]
        return second

    def _described(self, tops: Signal, means: Signal, minutes: NDArray[np.int64]) -> dict[str, Signal]:
        """Return quantiles of the last day, week and 3 h, updated once an hour: those of the week 20 min past the hour."""
        names = [*(f"week {level}" for level in WEEK_QUANTILES), "week 1", "day 0.9", "busy 180"]
        out = {name: np.empty((len(tops), len(minutes)), np.float32) for name in names}
        done = 0
        for at in [int(update) for update in np.flatnonzero(minutes % 20 == 0)] + [len(minutes)]:
            for name in names:
                out[name][:, done:at] = self._hourly.get(name, np.zeros(len(tops), np.float32))[:, None]
            if at < len(minutes):
                whole = int(minutes[at] // BLOCK - minutes[0] // BLOCK)
                self._describe(int(minutes[at]) % HOUR, tops[:, : BLOCKS_KEPT + whole], means[:, : self._means.shape[1] + whole])
            done = at
        return out

    def _describe(self, minute: int, tops: Signal, means: Signal) -> None:
        """Update the quantiles that are due at this minute of the hour."""
        if minute == 0:
            self._hourly["day 0.9"] = order_statistic(tops[:, -BLOCKS_PER_DAY:], 0.9)
            self._hourly["busy 180"] = self._base(order_statistic(means[:, -self._means.shape[1]:], self._spare))
        elif minute == 20:
            week = tops[:, -DAYS * BLOCKS_PER_DAY :]
            for level in WEEK_QUANTILES:
                self._hourly[f"week {level}"] = order_statistic(week, level)
            self._hourly["week 1"] = week.max(axis=1)

    def _base(self, work: Signal) -> Signal:
        """Return the units that are busy often enough to be cheaper warm than on demand, by this quantile of work in flight."""
        spare = self._spare if work.ndim == 1 else self._spare[:, None]
        return np.where(spare > 0, np.floor(np.maximum(work, 0) + spare), 0).astype(np.float32)


def order_statistic_of_last(values: Signal, width: int, count: int, level: NDArray[np.float64]) -> Signal:
    """Return the `level` quantile (the lower neighbour) of the known ones among each of the `count` newest values and its
    `width - 1` predecessors; `UNKNOWN` where none is known.
    """
    windows = np.lib.stride_tricks.sliding_window_view(values[:, -(count + width - 1):], width, axis=1)
    ranked = np.sort(windows, axis=2)
    unknown = (ranked == UNKNOWN).sum(axis=2)
    at = unknown + np.floor(np.clip(level, 0, 1)[:, None] * (width - 1 - unknown)).astype(np.int64)
    return np.take_along_axis(ranked, np.minimum(at, width - 1)[:, :, None], axis=2)[:, :, 0]
