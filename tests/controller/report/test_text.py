"""The report in words: on a terminal, as Markdown, as a message and as a page."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from controller.decision.planning.plan import Action
from controller.decision.planning.reason_codes import ReasonCode
from controller.notifications.formats import slack
from controller.notifications.notice import Notice
from controller.report.assembly import Report
from controller.report.gate import CRITERIA
from controller.report.page import page
from controller.report.summary import MOST_CHARACTERS, summary_of
from controller.report.text import markdown_of, text_of
from tests.builders import NOON, pool_policy
from tests.controller.report.stores import DAY, GOOD, PERIOD, filled, plan, reason, reported

SENTENCE = "Bill would be +$0.96, 260 fewer cold starts ($0.004 each)."


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A pool in shadow mode that is not ready, and one in active mode whose bill fell."""
    path = tmp_path_factory.mktemp("mixed") / "stoker.db"
    filled(path, plans=[plan(NOON - 2 * DAY, target=5), plan(NOON - DAY, Action.HOLD, target=5, requested=5, reasons=[
        reason(ReasonCode.METRICS_MISSING, "metrics are late | *late* <now>: holding 5", 5, 5)])])
    filled(path, pool="chat", mode="active", accounts={**GOOD, "bill_usd": 0.5}, plans=[plan(pool="chat", mode="active")])
    return reported(path, pool_policy(mode="shadow"), pool_policy(name="chat", mode="active"))


def test_the_text_fits_80_columns_and_cuts_no_figure(mixed):
    text = text_of(mixed)
    assert max(map(len, text.splitlines())) <= 80
    assert not re.search(r"…|\.\.\.$", text, re.MULTILINE)
    assert not [line for line in text.splitlines() if re.match(r"\s*(%|USD|min|points)\b", line)]      # a unit without its number


def test_shadow_would_have_and_active_has_and_no_sum_mixes_them(mixed):
    text = " ".join(text_of(mixed).split())
    assert f"1 pool in shadow mode, simulated: {SENTENCE}" in text
    assert "1 pool in active mode, actual: Bill -$1.04 (saved), 260 fewer cold starts." in text
    assert "Stoker would have made 1 change; lowest target 5, highest 5" in text
    assert "Stoker made 1 change; lowest target 5, highest 5" in text
    assert "Stoker (simulated)" in text
    for added in ("$6.00", "520"):       # bills and avoided cold starts of both modes together
        assert added not in text


def test_bill_cold_start_cost_and_metric_reads_are_apart(mixed):
    text = text_of(mixed)
    assert "Metric reads of the daemon, in no bill below: $1.20 per month at list price." in text
    rows = {line.split("  ")[1]: line.split()[-3:] for line in text.splitlines() if "$" in line and line.startswith("  ")}
    assert rows["Bill"] == ["$2.00", "$3.04", "$5.60"]         # of chat, whose table is the last
    assert rows["Cold-start cost"] == ["$1.00", "$14.00", "$1.80"]
    assert rows["Bill + cold-start cost"] == ["$3.00", "$17.04", "$7.40"]
    assert rows["Bill per month"] == ["$15.21", "$23.12", "$42.58"]


def test_ranges_are_shown_where_the_ledger_has_them(mixed):
    assert re.search(r"Range of cold starts +16 to 32 +- +-", text_of(mixed))


def test_the_gate_says_no_with_the_numbers_of_each_criterion(mixed):
    text = " ".join(text_of(mixed).split())
    assert ("Ready for active: no, because 1 of 7 criteria are not met: unresolved errors at the last recorded decision: 1 "
            "(at most 0).") in text
    assert "[ ] unresolved errors at the last recorded decision: 1 (at most 0)" in text
    assert "[x] days with known demand in at least 95 % of the minutes: 4 (at least 3)" in text
    assert "Ready for active: 0 of 1 in shadow mode; not ready: agent." in text


def test_every_criterion_is_documented():
    page = (Path(__file__).parents[3] / "docs" / "report.md").read_text()
    table = page.partition("## Ready for active mode")[2].partition("## JSON")[0]
    assert re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE) == [criterion.key for criterion in CRITERIA]


def test_each_decision_has_the_command_that_explains_it(mixed):
    assert "stoker why agent --at 2026-03-01T12:00:00Z" in text_of(mixed)
    assert "`stoker why agent --at 2026-03-01T12:00:00Z`" in markdown_of(mixed)


def test_a_baseline_with_fewer_cold_starts_comes_with_the_setting_that_matches_it(tmp_path):
    accounts = {**GOOD, "cold_starts": 75.0}
    text = " ".join(text_of(reported(filled(tmp_path / "stoker.db", accounts=accounts))).split())
    assert "AWS target tracking (70 %): 264 fewer, for $1.60 more on the bill." in text
    assert "Without Stoker: 20 fewer, for $0.96 less on the bill." in text
    tune = "stoker tune agent --policy policy.yaml --history agent=history/agent.csv.gz"
    assert f"{tune} --like-target-tracking" in text
    assert f"{tune} --max-cold-starts-per-day 70" in text


def test_without_such_a_baseline_nothing_is_recommended(mixed):
    assert "stoker tune" not in text_of(mixed)


def test_the_forecast_is_compared_with_its_nominal_shares(mixed):
    text = " ".join(text_of(mixed).split())
    assert "5,760 min compared with demand: the P90 held" in text
    assert "P90: demand was below it in 85.0 %, at or below it in 92.4 % (nominal 90 %)" in text


def test_markdown_escapes_what_it_quotes_and_has_whole_tables(mixed):
    markdown = markdown_of(mixed)
    assert r"metrics are late \| \*late\* \<now\>: holding 5" in markdown
    tables = [line for line in markdown.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in tables} == {5}
    assert markdown.startswith("## Stoker report, 2026-02-26 00:00 to 2026-03-02 12:00 UTC\n")
    assert "- [ ] unresolved errors" in markdown


def test_the_page_is_self_contained_and_well_formed(mixed):
    html = page(mixed)
    assert not re.search(r"https?://|<script|src=|@import|url\(", html)
    assert "metrics are late | *late* &lt;now&gt;: holding 5" in html
    assert "prefers-color-scheme:dark" in html
    for figure in re.findall(r"<svg.*?</svg>", html):
        ET.fromstring(figure)  # noqa: S314 - our own page
    assert html.count("<svg") == 2 * len(PERIOD.days)
    assert "✗ not met: unresolved errors" in html


def test_a_chart_draws_demand_and_capacity_in_units(mixed):
    first, *_, last = re.findall(r"<svg.*?</svg>", page(mixed).split("<h2>chat")[0])
    assert 'd="M0 64V26.2H288V64Z"' in first            # demand 3 of at most 5 units all day
    assert 'class="step" d=""' in first                 # nothing was requested yet
    assert 'd="M0 1V1H144"' in last                     # 5 units until noon


def test_a_message_has_one_line_a_pool(mixed):
    lines = summary_of(mixed).splitlines()
    assert lines[0] == "Weekly report, 2026-02-26 00:00 to 2026-03-02 12:00 UTC"
    assert lines[-2] == ("- agent (shadow): Bill would be +$0.96, 260 fewer cold starts ($0.004 each); 88.9 % of the minutes "
                         "accounted; not ready for active: errors")
    assert lines[-1].startswith("- chat (active): Bill -$1.04 (saved), 260 fewer cold starts; ")


def test_a_message_of_many_pools_is_short_and_says_how_many_are_left_out(mixed):
    report = Report(mixed.period, mixed.pools * 200, None)
    text = summary_of(report)
    named = sum(line.startswith("- ") for line in text.splitlines())
    assert 2000 < len(text) <= MOST_CHARACTERS
    message = slack(Notice("id", "weekly-report", NOON, None, (), 0, text), "/stoker/host")
    assert text in message["blocks"][0]["text"]["text"]         # Slack's limit cuts nothing off
    assert text.endswith(f"and {400 - named} pools more: run stoker report")


def test_cold_starts_during_pings_have_a_row_where_there_are_any(tmp_path, mixed):
    pinged = {**GOOD, "cold_starts_during_pings": 2.0}
    assert re.search(r"During pings +8 +- +-", text_of(reported(filled(tmp_path / "stoker.db", accounts=pinged))))
    assert "During pings" not in text_of(mixed)


def test_a_pool_without_accounts_has_no_figures(tmp_path):
    filled(tmp_path / "stoker.db")
    text = text_of(reported(tmp_path / "stoker.db", pool_policy(name="new", mode="shadow")))
    assert "no minute is accounted" in text
    assert "$0.00" not in text
