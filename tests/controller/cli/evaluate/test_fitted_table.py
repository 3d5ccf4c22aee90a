"""A table fits the terminal: it leaves out columns or stacks rows, and never cuts or wraps a figure."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.backtest.result import OWN
from controller.cli.evaluate.backtest_table import BY_POOL, COLUMNS, month_cells, period_cells
from controller.cli.evaluate.fitted_table import Row, fitted
from controller.decision.costs.bill import Bill

WIDTHS = (60, 80, 200)
AMOUNTS = (0.0, 1e-5, 0.01, 3.2, 12_345_678.90)


def row(name: str, amount: float, cold: int, minutes: int = 14 * 1440) -> Row:
    bill = Bill(minutes=minutes, invocations=1e9, cold_starts=cold, idle_usd=amount, wait_usd=amount)
    cells, month = period_cells(bill), month_cells([bill])
    beside = {"cold-without": cells["cold"], "bill-without": cells["bill"], "requests": "1,000,000,000", "peak": "1,000"}
    return Row(name, cells | beside, month | {"cold-without": month["cold"], "bill-without": month["bill"]})


def figures(lines: list[str]) -> set[str]:
    return set(re.findall(r"\S*\d\S*", "\n".join(lines)))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("columns", [COLUMNS, BY_POOL], ids=["strategies", "pools"])
@pytest.mark.parametrize("name", ["stoker", "n" * 63], ids=["short", "63 characters"])
@pytest.mark.parametrize("amount", AMOUNTS)
def test_every_figure_is_whole_within_the_width(width, columns, name, amount):
    rows = [row(name, amount, 12_345_678), row("b", 0.0, 0)]
    lines = [line.text for line in fitted("strategy", rows, columns, width)]

    assert max(map(len, lines)) <= width
    assert lines == [line.rstrip() for line in lines]
    possible = {cell for each in rows for cell in [*each.period.values(), *each.month.values()]}
    assert figures(lines) <= possible
    required = {(column.key, column.per_month) for column in columns if column.required}
    for each in rows:
        for key, per_month in required:
            assert (each.month if per_month else each.period)[key] in figures(lines)


ANY_ROW = st.tuples(st.text("abz-", min_size=1, max_size=63), st.floats(0, 2e7), st.integers(0, 10**8))


@given(st.lists(ANY_ROW, min_size=1, max_size=5), st.sampled_from(WIDTHS))
def test_no_figure_is_cut_whatever_the_rows(rows, width):
    made = [row(name, amount, cold) for name, amount, cold in rows]
    lines = [line.text for line in fitted("strategy", made, COLUMNS, width)]

    assert max(map(len, lines)) <= width
    assert figures(lines) <= {cell for each in made for cell in [*each.period.values(), *each.month.values()]}


def test_a_wide_terminal_shows_every_column_and_a_narrow_one_the_required_ones():
    rows = [row("aws-target-tracking-tuned", 104.37, 333)]
    heads = {width: [line.text for line in fitted("strategy", rows, COLUMNS, width)] for width in WIDTHS}

    assert len(heads[200][-1].split()) == 1 + len(COLUMNS)
    assert 1 + 5 <= len(heads[80][-1].split()) < 1 + len(COLUMNS)
    assert [line.split()[0] for line in heads[60][-3:]] == ["aws-target-tracking-tuned", "period", "per"]


def test_a_table_wider_than_the_terminal_is_not_cut():
    lines = [line.text for line in fitted("strategy", [row("stoker", 12_345_678.90, 5)], COLUMNS, 20)]
    assert "$12,345,678.90" in "\n".join(lines)


def test_only_the_own_row_is_emphasised():
    rows = [row(name, 1.0, 1)._replace(emphasis=name == "stoker") for name in OWN]
    assert [line.text.split()[0] for line in fitted("strategy", rows, COLUMNS, 200) if line.emphasis] == ["stoker"]
