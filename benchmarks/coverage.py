"""Coverage and pinball loss of the forecasts on real histories, trace by trace.

    python benchmarks/coverage.py ../shared/traces [--leads 4,30,120] [--busy] [--model] [--only NAME] [--half tuned|held-out]

For each trace and lead, after a warm-up of 3 days (4 days for a trace of 8 days or more), it prints by how many points each
nominal level lies outside [P(y < q), P(y <= q)], the maximum of these, and twice the pinball loss at each level divided by the
error of the naive forecast (the value `lead` minutes earlier). Every minute counts. The traces whose name's SHA-256 starts with
an even byte were used to choose gains and windows; the others are held out.
"""

import argparse
import hashlib
import time
from pathlib import Path

import numpy as np

from adapters.demand.history_file import HistoryError, read_history
from forecasting.accuracy import coverage, naive_error, pinball
from forecasting.combined import CombinedForecaster
from forecasting.demand import MINUTES_PER_DAY, DemandSeries
from forecasting.harmonic import fit_outlook
from forecasting.protocol import LEVELS

JUDGED = (0.5, 0.8, 0.9, 0.95, 0.99)
ALLOWED_POINTS = 2.0
REFIT_MINUTES = 720


def tuned_on(name: str) -> bool:
    """Return whether gains and windows were chosen with this trace."""
    return hashlib.sha256(name.encode()).digest()[0] % 2 == 0


def forecasts_of(series: DemandSeries, leads: tuple[int, ...], model: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the forecasts of peak and busy demand: float32[minutes, leads, LEVELS] each."""
    forecaster, parts = CombinedForecaster(1), []
    step = REFIT_MINUTES if model else len(series)
    for first in range(0, len(series), step):
        rows = slice(first, first + step)
        parts.append(forecaster.follow(series.peak[None, rows], series.busy[None, rows], series.first_minute + first, leads))
        if model:
            history = forecaster.compact_history(0)
            peak, busy = (fit_outlook(what, history.first_bucket) for what in (history.peak, history.busy))
            if peak is not None and busy is not None:
                forecaster.install(0, peak, busy)
    return np.concatenate([one.peak[0] for one in parts]), np.concatenate([one.busy[0] for one in parts])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--leads", default="4,30,120")
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--model", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--half", choices=("tuned", "held-out"))
    chosen = parser.parse_args()
    leads = tuple(int(lead) for lead in chosen.leads.split(","))
    judged = [LEVELS.index(level) for level in JUDGED]
    missed: dict[int, list[float]] = {lead: [] for lead in leads}
    losses: dict[int, list[np.ndarray]] = {lead: [] for lead in leads}
    print(f"{'trace':34} half      s  lead  points outside at " + " ".join(f"{level:.0%}" for level in JUDGED)
          + "   worst   2 x pinball over naive at the same levels")
    for path in sorted(chosen.folder.glob("*.csv.gz")):
        tuned = tuned_on(path.name)
        if chosen.only not in path.name:
            continue
        if chosen.half and tuned != (chosen.half == "tuned"):
            continue
        try:
            series = read_history(path)
        except HistoryError as error:
            print(error)
            continue
        began = time.perf_counter()
        forecast = forecasts_of(series, leads, chosen.model)[chosen.busy]
        took = time.perf_counter() - began
        actual = series.busy if chosen.busy else series.peak
        warm = (4 if len(series) >= 8 * MINUTES_PER_DAY else 3) * MINUTES_PER_DAY
        for which, lead in enumerate(leads):
            predicted, observed = forecast[warm - lead : -lead, which][:, judged], actual[warm:]
            if chosen.busy:  # equal averages differ in the last bits of their square root
                predicted, observed = predicted.round(3), observed.round(3)
            points = 100 * coverage(predicted, observed, JUDGED).missed_by
            loss = 2 * pinball(predicted, observed, JUDGED) / max(float(naive_error(actual[warm - lead :], lead)), 1e-9)
            missed[lead].append(float(points.max()))
            losses[lead].append(loss)
            print(f"{path.name[:34]:34} {'tuned' if tuned else 'held':5} {took:5.2f} {lead:5}  {'':18}"
                  + " ".join(f"{point:3.1f}" for point in points) + f"   {points.max():5.1f}   "
                  + " ".join(f"{value:.2f}" for value in loss))
    for lead in leads:
        worst = np.array(missed[lead])
        mean = np.exp(np.log(np.maximum(np.array(losses[lead]), 1e-6)).mean(axis=0))
        within = int((worst <= ALLOWED_POINTS).sum())
        print(f"lead {lead:4}: {within} of {len(worst)} traces within {ALLOWED_POINTS:.0f} points at every level, "
              f"worst {worst.max():.1f}; geometric mean of the loss ratios " + " ".join(f"{value:.3f}" for value in mean))


if __name__ == "__main__":
    main()
