"""What recent demand says of the minutes to come: plain statistics of many pools, kept up minute by minute. Pure.

A signal is a number of units for each pool and minute, made of nothing newer than that minute, about the minute that a decision
made then can first change. Recent maxima look back from the minute; seasonal ones look at the same time on earlier days, in
blocks of five minutes; quantiles describe a day or a week. What is unknown is left out, never taken for zero: a pool of which
nothing is known has signals of zero, which ask for nothing.

Any way of cutting a history into calls gives the same numbers: the backtest hands over days, the daemon minutes.
"""

import numpy as np
from numpy.typing import NDArray

from controller.decision.selection.provisional_scores import copied
from forecasting.demand import MINUTES_PER_DAY, Floats

BLOCK = 5
"""Minutes to a block: the grain of all that looks back further than three hours."""

BLOCKS_PER_DAY = MINUTES_PER_DAY // BLOCK
DAYS = 7
HOUR = 60
RECENT_MINUTES = (10, 20, 30, 45, 60, 90, 120, 180)
LONG_MINUTES = (360, 1440)
SHORTEST = 15
HALVINGS = (15, 45, 360)
"""Minutes after which what is remembered of a peak is half of it."""

LET_GO = 0.25
"""A unit is let go once no more than this share of it is remembered."""

WIDTHS = (5, 30, 120)
"""Minutes by which a look at an earlier day is widened to either side."""

MINUTES_KEPT = 384
BLOCKS_KEPT = DAYS * BLOCKS_PER_DAY + 2 * max(WIDTHS) // BLOCK
WEEK_QUANTILES = (0.5, 0.75, 0.9, 0.97)
UNKNOWN = -1.0
Signal = NDArray[np.float32]


def moving_max(values: Signal, width: int) -> Signal:
    """The maximum of each `width` neighbours along the last axis, which gets shorter by `width - 1`.

    By doubling; where there are fewer windows than they are wide, all share their middle, the most of which is found once.
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
    """The `level` quantile (the higher neighbour) of the known values in each row of float32[pools, n]; zero where none is.

    `level`: one for all or float64[pools]. Unknown values are `UNKNOWN`, below every known one.
    """
    ranked = np.sort(values, axis=1)
    unknown = (ranked == UNKNOWN).sum(axis=1)
    known = values.shape[1] - unknown
    at = unknown + np.ceil(np.maximum(known - 1, 0) * level - 1e-9).astype(np.int64)
    found = np.take_along_axis(ranked, np.minimum(at, values.shape[1] - 1)[:, None], axis=1)[:, 0]
    return np.where(known > 0, found, np.float32(0))


class Signals:
    """The memory behind the signals of `pools` pools: some hours of minutes and a week of blocks, float32.

    `horizon`: minutes from the newest minute known to the first one that a decision changes. `spare`: float64[pools], the
    share of time that a unit may stand idle before it costs more than the same work on demand saves; none below zero.
    """

    def __init__(self, pools: int, horizon: int, spare: NDArray[np.float64]) -> None:
        self._horizon, self._spare = horizon, spare
        self._peak = np.full((pools, MINUTES_KEPT), UNKNOWN, np.float32)
        self._busy = np.full((pools, BLOCK), UNKNOWN, np.float32)
        self._tops = np.full((pools, BLOCKS_KEPT), UNKNOWN, np.float32)
        self._means = np.full((pools, 3 * HOUR // BLOCK), UNKNOWN, np.float32)
        self._hourly: dict[str, Signal] = {}
        self._fading = np.zeros((len(HALVINGS), pools), np.float32)

    def part(self, pools: NDArray[np.int64]) -> "Signals":
        """Return the signals of some of the pools, which share nothing with these."""
        first = {name: vars(self)[name][pools] for name in ("_spare", "_peak", "_busy", "_tops", "_means")}
        hourly = {name: values[pools] for name, values in self._hourly.items()}
        return copied(self, first | {"_hourly": hourly, "_fading": self._fading[:, pools]})

    def take(self, peak: Floats, busy: Floats, first_minute: int) -> dict[str, Signal]:
        """Signals of float32[pools, n] by name for n minutes from `first_minute` on, which follow the ones taken before."""
        found, (peak, busy, tops, means) = self._made(peak, busy, first_minute)
        self._peak, self._busy = peak[:, -MINUTES_KEPT:].copy(), busy[:, -BLOCK:].copy()
        if tops is not self._tops:
            self._tops, self._means = tops[:, -BLOCKS_KEPT:].copy(), means[:, -self._means.shape[1]:].copy()
        return found

    def preview(self, peak: Floats, busy: Floats, first_minute: int) -> dict[str, Signal]:
        """As `take`, of minutes that may still change: nothing of them is kept."""
        hourly, fading = dict(self._hourly), self._fading
        found, _ = self._made(peak, busy, first_minute)
        self._hourly, self._fading = hourly, fading
        return found

    def _made(self, peak: Floats, busy: Floats, first_minute: int) -> tuple[dict[str, Signal], tuple[Signal, ...]]:
        """Signals, and what is kept of minutes and blocks with the new ones after it."""
        count = peak.shape[1]
        peak = np.concatenate((self._peak, np.where(np.isnan(peak), np.float32(UNKNOWN), np.ceil(peak))), axis=1)
        busy = np.concatenate((self._busy, np.where(np.isnan(busy), np.float32(UNKNOWN), busy)), axis=1)
        tops, means = self._blocks(peak, busy, count, first_minute)
        minutes = first_minute + np.arange(count)
        found = self._recent(peak, count)
        found |= self._long(tops, found["recent 5"], minutes)
        found |= self._seasonal(tops, minutes)
        found |= self._faded(peak[:, -count:])
        found["hourly"] = self._timer(peak, count)
        found["busy 5"] = self._base(order_statistic_of_last(busy, BLOCK, count, self._spare))
        found |= self._described(tops, means, minutes)
        return {name: np.maximum(values, 0) for name, values in found.items()}, (peak, busy, tops, means)

    def _blocks(self, peak: Signal, busy: Signal, count: int, first_minute: int) -> tuple[Signal, Signal]:
        """The blocks kept, and after them those that the new minutes complete."""
        whole, begun = divmod(first_minute % BLOCK + count, BLOCK)
        if not whole:
            return self._tops, self._means
        cut = slice(peak.shape[1] - begun - whole * BLOCK, peak.shape[1] - begun)
        shape = (len(peak), whole, BLOCK)
        tops = peak[:, cut].reshape(shape).max(axis=2)
        cut = slice(busy.shape[1] - begun - whole * BLOCK, busy.shape[1] - begun)
        rows = busy[:, cut].reshape(shape)
        known = rows != UNKNOWN
        counts = known.sum(axis=2)
        means = np.where(counts > 0, np.where(known, rows, 0).sum(axis=2) / np.maximum(counts, 1), UNKNOWN).astype(np.float32)
        return np.concatenate((self._tops, tops), axis=1), np.concatenate((self._means, means), axis=1)

    def _recent(self, peak: Signal, count: int) -> dict[str, Signal]:
        return {f"recent {width}": moving_max(peak[:, -(count + width - 1):], width)
                for width in (BLOCK, SHORTEST, *RECENT_MINUTES)}

    def _long(self, tops: Signal, latest: Signal, minutes: NDArray[np.int64]) -> dict[str, Signal]:
        """Hours and days: whole blocks, and the last five minutes for the block that is not whole yet."""
        before = minutes // BLOCK - minutes[0] // BLOCK + BLOCKS_KEPT  # how many blocks of `tops` were whole before each minute
        out = {}
        for width in LONG_MINUTES:
            blocks = width // BLOCK - 1
            most = moving_max(tops[:, before[0] - blocks :], blocks)
            out[f"recent {width}"] = np.maximum(latest, most[:, before - before[0]])
        return out

    def _faded(self, peak: Signal) -> dict[str, Signal]:
        """Peaks that are forgotten by and by: each minute what is remembered shrinks, or rises to what came. Unknown minutes
        change nothing.
        """
        kept = 0.5 ** (1 / np.array(HALVINGS, np.float32))[:, None].astype(np.float32)
        whole = np.empty((len(HALVINGS), *peak.shape), np.float32)
        for at in range(peak.shape[1]):
            came = peak[:, at]
            self._fading = np.where(came == UNKNOWN, self._fading, np.maximum(self._fading * kept, came))
            whole[:, :, at] = self._fading
        np.ceil(whole - np.float32(LET_GO), out=whole)
        return {f"fading {minutes}": whole[row] for row, minutes in enumerate(HALVINGS)}

    def _seasonal(self, tops: Signal, minutes: NDArray[np.int64]) -> dict[str, Signal]:
        """The same time on each of the last seven days: the most, the second and fourth most, yesterday, a week ago."""
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
            kinds = {"most of week": ranked[-1], "second of week": ranked[-2], "fourth of week": ranked[-4], "yesterday": days[0],
                     "two days": np.maximum(days[0], days[1]), "week ago": days[-1]}
            out |= {f"{kind} {width}": values[:, row] for kind, values in kinds.items()}
        return out

    def _timer(self, peak: Signal, count: int) -> Signal:
        """Traffic by the clock: the second most of what came at the same minute of the last four hours, give or take two."""
        near = moving_max(peak, 5)  # near[:, j] is centred on peak[:, j + 2]
        soonest = -(-(self._horizon + 2) // HOUR)
        end = near.shape[1] + 2 + self._horizon
        hours = [near[:, end - lag - count : end - lag] for lag in range(soonest * HOUR, (soonest + 4) * HOUR, HOUR)]
        second: Signal = np.sort(np.stack(hours), axis=0)[-2]
        return second

    def _described(self, tops: Signal, means: Signal, minutes: NDArray[np.int64]) -> dict[str, Signal]:
        """Quantiles of the last day, week and three hours, found anew once an hour, each at a minute of its own."""
        names = [*(f"week {level}" for level in WEEK_QUANTILES), "day 0.9", "busy 180"]
        out = {name: np.empty((len(tops), len(minutes)), np.float32) for name in names}
        done = 0
        for at in [int(found) for found in np.flatnonzero(minutes % 20 == 0)] + [len(minutes)]:
            for name in names:
                out[name][:, done:at] = self._hourly.get(name, np.zeros(len(tops), np.float32))[:, None]
            if at < len(minutes):
                whole = int(minutes[at] // BLOCK - minutes[0] // BLOCK)
                self._describe(int(minutes[at]) % HOUR, tops[:, : BLOCKS_KEPT + whole], means[:, : self._means.shape[1] + whole])
            done = at
        return out

    def _describe(self, minute: int, tops: Signal, means: Signal) -> None:
        if minute == 0:
            self._hourly["day 0.9"] = order_statistic(tops[:, -BLOCKS_PER_DAY:], 0.9)
            self._hourly["busy 180"] = self._base(order_statistic(means[:, -self._means.shape[1]:], self._spare))
        elif minute == 20:
            week = tops[:, -DAYS * BLOCKS_PER_DAY :]
            for level in WEEK_QUANTILES:
                self._hourly[f"week {level}"] = order_statistic(week, level)

    def _base(self, work: Signal) -> Signal:
        """Units that are busy often enough to be cheaper warm than on demand, going by this quantile of work in flight."""
        spare = self._spare if work.ndim == 1 else self._spare[:, None]
        return np.where(spare > 0, np.floor(np.maximum(work, 0) + spare), 0).astype(np.float32)


def order_statistic_of_last(values: Signal, width: int, count: int, level: NDArray[np.float64]) -> Signal:
    """The `level` quantile (the lower neighbour) of each of the `count` newest values and its `width - 1` predecessors, of those
    that are known; `UNKNOWN` where none is.
    """
    windows = np.lib.stride_tricks.sliding_window_view(values[:, -(count + width - 1):], width, axis=1)
    ranked = np.sort(windows, axis=2)
    unknown = (ranked == UNKNOWN).sum(axis=2)
    at = unknown + np.floor(np.clip(level, 0, 1)[:, None] * (width - 1 - unknown)).astype(np.int64)
    return np.take_along_axis(ranked, np.minimum(at, width - 1)[:, :, None], axis=2)[:, :, 0]
