"""The range of a backtest: over the keep-alive, and over peaks that the demand source estimates."""

from dataclasses import replace

from controller.backtest.report.text import spread_text
from controller.backtest.result import PoolOutcome, judged, peak_ends, spread
from tests.controller.backtest.report.outcomes import DAILY, TERMS, outcome_of


def judged_with(**changes: object) -> PoolOutcome:
    known = outcome_of(DAILY[:2000])
    return judged(known.replay, known.demand, known.load, replace(TERMS, **changes), known.keep_alive, {})


def test_an_estimated_peak_has_a_range_of_figures_even_with_one_keep_alive():
    exact, estimated = judged_with(), judged_with(estimated_peak=True)
    low, high = spread([estimated])["cold_starts_without_stoker"]

    assert spread([exact]) == {}
    assert low < estimated.nothing.cold_starts < high
    assert estimated.nothing == exact.nothing
    assert "Over the range of the keep-alive and of estimated peaks" in spread_text([estimated])


def test_high_peaks_are_combined_with_the_shortest_keep_alive():
    both, keep_alive = (judged_with(estimated_peak=estimated, keep_alive_range=(3, 12)) for estimated in (True, False))
    assert [spread([both])["cold_starts"][at] >= spread([keep_alive])["cold_starts"][at] for at in (0, 1)] == [False, True]
    assert "estimated peaks" not in spread_text([keep_alive])


def test_the_ends_of_a_peak_enclose_it_in_every_minute():
    load = outcome_of(DAILY[:2000]).load
    low, high = peak_ends(load)
    assert (low.peak <= load.peak).all()
    assert (load.peak <= high.peak).all()
