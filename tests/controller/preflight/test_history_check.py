"""What is said of a history that contradicts itself or holds nothing."""

from pathlib import Path

import pytest

from adapters.demand.history_file import HistoryError, open_history
from controller.preflight.history_check import check_known, warnings_of

HEADER = "timestamp,invocations,avg_concurrency,max_concurrency"


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """The history of a file of some cells, a row a minute."""
    monkeypatch.chdir(tmp_path)

    def write(*cells, gap=()):
        rows = [f"2026-03-02T{at // 60:02}:{at % 60:02}:00Z,{each}" for at, each in enumerate(cells)]
        Path("a.csv").write_text("\n".join([HEADER, *gap, *rows]) + "\n")
        return open_history(Path("a.csv"))
    return write


def test_a_row_that_contradicts_itself_is_unknown_and_named_by_line(opened):
    history = opened("30,0.5,1", "30,0,0", "30,5,2", "12,1.2,3", "8,0.8,2", "200080,4,4", "0,0,0")

    assert history.series.known.tolist() == [True, False, False, True, True, False, True]
    assert [each.removesuffix("; the row counts as unknown") for each in warnings_of(history)] == [
        "a.csv:3: invocations is 30 and avg_concurrency 0 at a max_concurrency of 0",
        "a.csv:4: avg_concurrency is 5, above the max_concurrency of 2",
        "a.csv:7: invocations is 200080 at a max_concurrency of 4, over 100 times the requests usual for the work"]
    check_known(history)


def test_blank_lines_do_not_shift_the_lines_that_are_named(opened):
    assert opened("30,0,0", gap=("", "")).doubts[0].line == 4


def test_many_impossible_rows_are_summarised_by_line_ranges(opened):
    history = opened("1,1,1", *["30,0,0"] * 5, "1,1,1", "30,0,0", *["1,1,1", "30,0,0"] * 20)

    assert len(warnings_of(history)) == 4
    assert warnings_of(history)[3] == ("a.csv: 23 more rows count as unknown, lines 6-7, 9, 11, 13, 15, 17, 19, 21, 23, 25 "
                                       "and more up to 49")


IMPOSSIBLE = ("a.csv:2: invocations is 30 and avg_concurrency 0 at a max_concurrency of 0. No row is known, and 4 are "
              "impossible (lines 2-5): export the metrics again, with empty cells for unknown values")
EMPTY = ("a.csv: avg_concurrency or max_concurrency is empty in all 4 rows, so that demand is unknown: export both metrics, "
         "see docs/backtest.md")


@pytest.mark.parametrize(("cells", "says"), [("30,0,0", IMPOSSIBLE), ("30,,", EMPTY), ("30,,4", EMPTY), ("30,4,", EMPTY)])
def test_a_history_without_known_minutes_is_not_a_history_of_zeros(opened, cells, says):
    with pytest.raises(HistoryError) as refused:
        check_known(opened(*[cells] * 4))

    assert str(refused.value) == says


def test_minutes_before_the_start_of_the_accounting_do_not_suffice(opened):
    history = opened("1,1,1", "1,1,1", "1,,", "1,,")

    check_known(history, 1)
    with pytest.raises(HistoryError, match="empty in all 2 rows"):
        check_known(history, 2)
