"""Chart in characters: marks at their places, labelled axes, no line wider than asked for."""

import pytest

from controller.cli.evaluate.scatter_chart import Mark, scatter


def plain(marks, width=60, height=8) -> list[str]:
    return [line.plain for line in scatter(marks, width, height)]


def test_marks_are_higher_with_their_bill_and_further_right_with_their_cold_starts():
    lines = plain([Mark("a", 10, 5.0), Mark("b", 1000, 1.0), Mark("c", 100, 3.0)])
    rows = {symbol: next(at for at, line in enumerate(lines[1:9]) if symbol in line) for symbol in "abc"}
    columns = {symbol: lines[1 + rows[symbol]].index(symbol) for symbol in "abc"}

    assert rows["a"] < rows["c"] < rows["b"]
    assert columns["a"] < columns["c"] < columns["b"]


def test_both_axes_have_units_and_the_ends_of_their_range():
    lines = plain([Mark("a", 10, 1234.5), Mark("b", 1000, 1.0)])
    text = "\n".join(lines)

    assert "bill (USD)" in text
    assert "cold starts (compressed scale)" in text
    assert lines[1].startswith("1,234.50 ")
    assert lines[8].lstrip().startswith("1.00 ")
    assert lines[10].split()[0] == "10"
    assert lines[10].split()[-1] == "1,000"


@pytest.mark.parametrize("width", [40, 60, 80])
def test_no_line_is_wider_than_asked(width):
    assert max(len(line) for line in plain([Mark("a", 0, 1e6), Mark("b", 1e6, 0.0)], width)) <= width


def test_of_two_marks_in_one_place_the_last_one_is_shown():
    lines = plain([Mark("a", 10, 5.0), Mark("S", 10, 5.0)])

    assert any("S" in line for line in lines)
    assert not any("a" in line for line in lines[1:9])


def test_one_point_is_drawn():
    assert any("S" in line for line in plain([Mark("S", 0, 0.0)]))
