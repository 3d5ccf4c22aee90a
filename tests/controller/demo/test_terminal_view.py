"""The picture fits the terminal it is shown in, and no word or number is cut."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from controller.demo.bar_chart import Point
from controller.demo.frame import Decision, Frame, PoolFrame
from controller.demo.outcome import Outcome
from controller.demo.terminal_view import picture

START = datetime(2026, 3, 3, 8, 40, tzinfo=UTC)
SIZES = [(80, 24), (40, 20), (200, 50)]
NAMES = ("support-agent", "nightly-reports", "chat", "price-watch")


def decision(minute: int) -> Decision:
    return Decision(START + timedelta(minutes=minute), "agent", f"scales out {minute} → {minute + 1}: " + "because it pays " * 20)


def frame(minutes: int = 90, pools: int = 3, decisions: int = 9) -> Frame:
    now = START + timedelta(minutes=minutes)
    points = tuple(Point(START + timedelta(minutes=at), float(at % 13), at % 7) for at in range(minutes))
    outcome = Outcome(90, 1e5, 1234, 20345, 3e4, bill_usd=123.4, bill_without_usd=67.8, cold_start_cost_usd=50.25,
                      cold_start_cost_without_usd=1017.25)
    each = tuple(PoolFrame(name, "office hours", 107.0, 109, 104, 112, outcome, "active", points) for name in NAMES[:pools])
    total = sum((pool.outcome for pool in each), Outcome())
    return Frame(now, now - START, timedelta(hours=2), 59.7, "http://127.0.0.1:8080", each,
                 tuple(decision(at) for at in range(decisions)), total)


def shown(what: object, width: int) -> list[str]:
    """Without colours, as with NO_COLOR."""
    console = Console(file=io.StringIO(), width=width, force_terminal=False, no_color=True)
    console.print(what)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def words(lines: list[str]) -> str:
    """The lines as one text, so that a sentence may go over the end of a line."""
    return " ".join(" ".join(lines).split())


@pytest.mark.parametrize(("width", "height"), [*SIZES, (100, 30), (120, 42)])
@pytest.mark.parametrize("pools", [1, 3, 4])
def test_the_picture_fits_the_terminal(width, height, pools):
    lines = shown(picture(frame(pools=pools), width, height), width)

    assert len(lines) < height, "one line is left for the cursor"
    assert max(len(line) for line in lines) <= width


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_time_address_result_and_each_pool_are_complete_at_each_size(width, height):
    lines = shown(picture(frame(), width, height), width)
    text = words(lines)

    assert lines[0].startswith("Tue 10:10 UTC  1 h 30 min of 2 h 00 min")
    assert "http://127.0.0.1:8080/" in text
    assert "vs. Without Stoker: Bill +$166.80, 57,333 fewer cold starts ($0.003 each)" in text
    assert "sandbox figures" in text
    assert [name for name in NAMES[:3] if f"── {name} (active) " not in text] == []
    assert text.count("1,234 cold") == 3 or text.count("cold starts 1,234, without 20,345") == 3
    assert "scales out 8 → 9:" in text, "the newest decision, with its numbers"


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_nothing_is_cut_within_a_word(width, height):
    whole = {"because", "it", "pays", "scales", "out", "→", "agent", "office", "hours"}
    cut = [line for line in shown(picture(frame(pools=4), width, height), width) if line.rstrip("─ ").endswith("…")]

    assert all(line.rstrip("─ ").removesuffix("…").split()[-1] in whole for line in cut), cut


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_served_above_and_idle_have_different_characters_in_legend_and_chart(width, height):
    """Readable without colours: the same three characters explain and draw."""
    lines = shown(picture(frame(), width, height), width)
    legend = next(line for line in lines if "above it" in line)
    warm, above, idle = (legend[legend.index(word) - 2] for word in ("served warm" if width > 40 else "warm", "above it", "idle"))

    assert len({warm, above, idle}) == 3
    charts = "".join(line[: width - 38] if width > 40 else line for line in lines[lines.index(legend) + 1:])
    assert all(each in charts for each in (warm, above, idle))


def test_a_small_terminal_shows_fewer_pools_and_counts_the_others():
    lines = shown(picture(frame(pools=4), 40, 20), 40)

    assert sum(line.startswith("── ") for line in lines) == 2
    assert "2 more: enlarge the terminal" in lines


def test_bill_and_cold_start_cost_are_apart():
    text = words(shown(picture(frame(), 200, 50), 200))

    assert "bill $123.40, without $67.80" in text
    assert "cold-start cost (not in the bill):" in text
    assert "$50.25, without $1,017.25" in text


def test_a_pinged_pool_shows_pings_instead_of_billed_units():
    now = frame(pools=1)
    pinged = replace(now, pools=tuple(replace(pool, outcome=replace(pool.outcome, pings=4321)) for pool in now.pools))

    assert "warm unit minutes 30,000" in words(shown(picture(now, 120, 42), 120))
    text = words(shown(picture(pinged, 120, 42), 120))
    assert "pings 4,321" in text
    assert "warm unit minutes" not in text
