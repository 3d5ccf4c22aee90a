"""The result of a demo: bill and cold starts of the sandbox, with and without Stoker, and no sum of bill and cold-start cost."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from controller.demo.outcome import Outcome
from controller.demo.result_text import PlainLines, outcome_json, sentences, summary, whole
from tests.controller.demo.test_terminal_view import frame, timedelta, words


def printed(width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    summary(frame(), console)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def test_plain_lines_show_each_decision_once_and_a_summary_every_10_minutes_in_utc():
    told: list[str] = []
    lines = PlainLines(told.append)
    for minute in range(21):
        lines.show(frame(minute, decisions=min(minute, 3)))

    assert sum("scales out 0 → 1" in line for line in told) == 1
    assert sum("in flight" in line for line in told) == 3
    assert sum("http://" in line for line in told) == 1
    assert all(" UTC  " in line for line in told if "http://" not in line)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_summary_has_two_lines_for_each_pool_and_for_all_and_cuts_nothing(width):
    rows = printed(width)
    table = [row for row in rows if row.startswith(("support", "nightly", "chat", "all ", "  without"))]

    assert max(map(len, rows)) <= width
    assert not any("…" in row for row in rows)
    assert [row.split()[0] for row in table] == [
        word for name in ("support-agent", "nightly-reports", "chat", "all") for word in (name, "without")]
    assert table[0].split()[-1 if width == 40 else -2] == "$123.40"


def test_the_summary_states_mode_bill_and_cold_start_cost_apart():
    text = words(printed(120))

    assert "pools in active mode, emulated cloud (sandbox figures)" in text
    assert "vs. Without Stoker: Bill +$166.80, 57,333 fewer cold starts ($0.003 each)." in text
    assert ("Cold-start cost $150.75, without Stoker $3,051.75: the policy's own price of cold starts, no part of the bill."
            in text)


@pytest.mark.parametrize(("out", "said"), [
    (Outcome(cold_starts=1, cold_starts_without=4, bill_usd=1, bill_without_usd=3),
     "Bill -$2.00 (saved), 3 fewer cold starts."),
    (Outcome(cold_starts=1, cold_starts_without=4, bill_usd=3, bill_without_usd=1),
     "Bill +$2.00, 3 fewer cold starts ($0.67 each)."),
    (Outcome(), "No cold starts"),
])
def test_the_outcome_is_stated_for_savings_and_losses(out, said):
    assert said in sentences(out)[0]


def test_the_outcome_as_json_has_the_names_of_the_daemon_and_adds_up():
    outcome = outcome_json(frame())
    pools, total = outcome["pools"].values(), outcome["total"]  # type: ignore[attr-defined]

    assert (outcome["simulated_seconds"], outcome["mode"], outcome["figures"]) == (5400, "active", "sandbox")
    for key in ("cold_starts", "cold_starts_without_stoker", "bill_usd", "bill_without_stoker_usd", "cold_start_cost_usd",
                "cold_start_cost_without_stoker_usd", "saved_usd"):
        assert total[key] == pytest.approx(sum(pool[key] for pool in pools))  # type: ignore[index]
    assert total["saved_usd"] == pytest.approx(total["bill_without_stoker_usd"] - total["bill_usd"])  # type: ignore[index]


def test_the_summary_ends_with_the_sentence_of_the_backtest():
    console = Console(file=io.StringIO(), width=120)
    summary(replace(frame(), price_curve="Backtest of the 4 days before. At its bill: 312 fewer cold starts."), console)

    assert console.file.getvalue().rstrip().endswith("At its bill: 312 fewer cold starts.")  # type: ignore[attr-defined]


@pytest.mark.parametrize(("minutes", "said"), [(0, "0 min"), (59, "59 min"), (125, "2 h 05 min")])
def test_spans(minutes, said):
    assert whole(timedelta(minutes=minutes)) == said
