"""The picture fits the terminal it is shown in; the lines tell each decision once."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from controller.demo.bar_chart import Point
from controller.demo.frame import Decision, Frame, PoolFrame
from controller.demo.outcome import Outcome
from controller.demo.terminal_view import PlainLines, money, outcome_json, picture, summary, whole

START = datetime(2026, 3, 3, 8, 40, tzinfo=UTC)


def decision(minute: int) -> Decision:
    return Decision(START + timedelta(minutes=minute), "agent", f"scales out {minute} → {minute + 1}: " + "because it pays " * 20)


def frame(minutes: int = 90, pools: int = 3, decisions: int = 9) -> Frame:
    now = START + timedelta(minutes=minutes)
    points = tuple(Point(START + timedelta(minutes=at), float(at % 13), at % 7) for at in range(minutes))
    each = tuple(PoolFrame(f"agent-{at}", "office hours", 7.0, 9, 4, 12, Outcome(90, 1e5, 10, 200, 3e4, 123.4, 567.8), points)
                 for at in range(pools))
    total = sum((pool.outcome for pool in each), Outcome())
    return Frame(now, now - START, timedelta(hours=2), 59.7, "http://127.0.0.1:8080", each,
                 tuple(decision(at) for at in range(decisions)), total)


def shown(what: object, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(what)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("width", "height", "pools"), [
    (80, 24, 1), (80, 24, 3), (80, 24, 4), (100, 30, 3), (120, 42, 3), (220, 70, 3),
])
def test_the_picture_fits_the_terminal(width, height, pools):
    lines = shown(picture(frame(pools=pools), width, height), width)

    assert len(lines) <= height
    assert max(len(line) for line in lines) <= width


@pytest.mark.parametrize("width", [80, 120])
def test_the_first_line_has_room_for_the_address(width):
    first = shown(picture(frame(), width, 30), width)[0]

    assert first.startswith("Tue 10:10 UTC")
    assert first.endswith("http://127.0.0.1:8080/")


def test_the_picture_names_pools_figures_and_the_newest_decision():
    text = "\n".join(shown(picture(frame(), 120, 42), 120))

    assert all(word in text for word in ("agent-0", "office hours", "4 → 9", "target 12", "10 / 200 without",
                                         "http://127.0.0.1:8080"))
    assert "scales out 8 → 9" in text


def test_a_pinged_pool_shows_pings_instead_of_billed_units():
    now = frame(pools=1)
    pinged = replace(now, pools=tuple(replace(pool, outcome=replace(pool.outcome, pings=321)) for pool in now.pools))

    assert "warm unit minutes 30000" in "\n".join(shown(picture(now, 120, 42), 120))
    text = "\n".join(shown(picture(pinged, 120, 42), 120))
    assert "pings 321" in text
    assert "warm unit minutes" not in text


def test_plain_lines_show_each_decision_once_and_a_summary_every_10_minutes():
    told: list[str] = []
    lines = PlainLines(told.append)
    for minute in range(21):
        lines.show(frame(minute, decisions=min(minute, 3)))

    assert sum("scales out 0 → 1" in line for line in told) == 1
    assert sum("in flight" in line for line in told) == 3
    assert sum("http://" in line for line in told) == 1


def test_the_summary_has_a_row_for_each_pool_and_one_for_all():
    console = Console(file=io.StringIO(), width=120)
    summary(frame(), console)
    rows = console.file.getvalue().splitlines()  # type: ignore[attr-defined]

    assert [row.split()[0] for row in rows if row.startswith(("agent", "all "))] == ["agent-0", "agent-1", "agent-2", "all"]


def test_the_outcome_as_json_adds_up():
    outcome = outcome_json(frame())

    assert outcome["simulated_seconds"] == 5400
    assert outcome["total"]["cold_starts"] == sum(pool["cold_starts"]
                                                  for pool in outcome["pools"].values())  # type: ignore[index, union-attr, attr-defined]


@pytest.mark.parametrize(("usd", "said"), [(0.0, "$0.00"), (0.0123, "$0.0123"), (1234.5, "$1,234.50"), (-0.5, "-$0.50")])
def test_money(usd, said):
    assert money(usd) == said


@pytest.mark.parametrize(("minutes", "said"), [(0, "0 min"), (59, "59 min"), (125, "2 h 05 min")])
def test_spans(minutes, said):
    assert whole(timedelta(minutes=minutes)) == said
