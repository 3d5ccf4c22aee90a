"""Report: its figures are those of the run, it loads nothing, and it renders for any traffic."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from controller.backtest.report.figures import band, steps
from controller.backtest.report.frontier_section import line
from controller.backtest.report.frontier_text import comparison, matching_sentences, step_text
from controller.backtest.report.page import page
from controller.backtest.report.text import LABELS, against, difference, headline, hits, promise, wins
from controller.backtest.report.worst_hour import worst_hour
from controller.backtest.result import Outcome, PoolOutcome, as_json, monthly
from controller.decision.costs.bill import Bill, cold_starts_of, ready_of
from controller.decision.costs.sentences import TARGET_TRACKING, WITHOUT_STOKER, dollars
from forecasting.demand import DemandSeries
from tests.controller.backtest.report.outcomes import DAILY, MINUTE, TERMS, outcome_of


@pytest.fixture(scope="module")
def daily() -> Outcome:
    return Outcome((outcome_of(DAILY, start=1440, frontier=True),))


@pytest.fixture(scope="module")
def html(daily) -> str:
    return page(daily)


def carried(html: str) -> list[dict]:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)[1])


class Reader(HTMLParser):
    """Collects tags that load something, and the visible text."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded, self.text, self._raw = [], [], False

    def handle_starttag(self, tag, attributes):
        self._raw = tag in ("script", "style")
        self.loaded += [value for name, value in attributes if name in ("src", "href", "action", "data", "poster", "srcset")]

    def handle_endtag(self, tag):
        self._raw = False

    def handle_data(self, data):
        if not self._raw:
            self.text.append(data)


def shown(html: str) -> str:
    reader = Reader()
    reader.feed(html)
    return " ".join(" ".join(reader.text).split())


def test_the_page_loads_nothing_and_forbids_loading(html):
    reader = Reader()
    reader.feed(html)
    assert reader.loaded == []
    assert "default-src 'none'" in html
    assert not re.search(r"@import|url\((?!data:)", html)


def test_the_library_ships_with_its_licence():
    from importlib.resources import files

    static = files("controller.assets.uplot")
    assert "MIT License" in (static / "uPlot.LICENSE").read_text("utf-8")
    assert "uPlot (v1.6" in (static / "uPlot.iife.min.js").read_text("utf-8")


def test_no_placeholder_is_left(html):
    assert not re.search(r"\$[a-z]+", re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL))


def test_the_tiles_show_the_figures_of_the_run(daily, html):
    text = shown(html)
    for bill in (daily.stoker, daily.nothing, daily.peers["aws-target-tracking"]):
        waited = f"{bill.cold_starts:,} cold starts of {bill.invocations:,.0f} requests"
        assert f"{waited} {dollars(bill.provider_usd)} bill, {dollars(monthly([bill]).bill_usd)} per month" in text


def test_every_policy_has_a_row_sorted_by_cost(daily, html):
    totals = sorted([daily.stoker.total_usd, *(bill.total_usd for bill in daily.peers.values())])
    rows = re.findall(r"</div></td><td>(.*?)</td>", html)
    assert rows == [dollars(total) for total in totals]


def test_bar_lengths_are_proportional_to_cost(daily, html):
    bars = re.findall(r"<td class=bar>(.*?)</td>", html)
    widths = [sum(float(width) for width in re.findall(r"width:([\d.]+)%", bar)) for bar in bars]
    totals = sorted([daily.stoker.total_usd, *(bill.total_usd for bill in daily.peers.values())])
    assert widths == pytest.approx([100 * total / totals[-1] for total in totals], abs=0.01)


def test_the_charts_show_the_run(daily, html):
    (pool,), (carry,) = daily.pools, carried(html)
    ready = ready_of(pool.replay.target, 2)
    assert carry["demand"] == pool.load.peak.tolist()
    rebuilt = np.zeros(len(ready), int)
    for row, value in carry["ready"]:
        rebuilt[row:] = value
    assert rebuilt.tolist() == ready.tolist()
    assert sum(value for _, value in carry["cold"]) == pool.stoker.cold_starts
    points = {name: (cold, bill) for name, _, cold, bill in carry["curve"]["policies"]}
    assert points["stoker"] == (pool.stoker.cold_starts, pytest.approx(pool.stoker.provider_usd, rel=1e-3))
    assert len(points) == len(pool.peers) + 1


def test_the_chart_draws_the_curve_of_stoker_beside_the_baselines(daily, html):
    (pool,), (carry,) = daily.pools, carried(html)
    points = carry["curve"]["frontier"]

    assert len(points) == len(pool.frontier.points) >= 7
    assert [label for *_, label, own, _ in points if own] == ["cold_start_cost_usd: 0.05"]
    own = next(point for point in points if point[3])
    assert own[:2] == [pool.stoker.cold_starts, pytest.approx(pool.stoker.provider_usd, rel=1e-3)]
    assert [label for *_, label, _, best in points if best] == [point.setting.text for point in pool.frontier.curve]


def test_the_table_of_settings_shows_what_each_avoided_cold_start_costs(daily, html):
    (pool,) = daily.pools
    text = shown(html)
    for point in pool.frontier.points:
        assert f"{point.cold_starts:,} {dollars(point.bill_usd)} {step_text(pool.frontier, point)}" in text


def test_the_page_compares_the_curve_with_target_tracking(daily, html):
    (pool,) = daily.pools

    compared = comparison(pool.frontier, TARGET_TRACKING, pool.peers[TARGET_TRACKING])

    assert shown(html).count(compared) == 2  # at the top, and below the chart


def test_no_loss_on_cold_starts_is_shown_without_the_setting_that_matches(daily):
    """Every baseline with fewer cold starts is named, over all pools, and by pool where the table of pools shows it."""
    (pool,) = daily.pools
    better = {name: replace(bill, cold_starts=pool.stoker.cold_starts * part // 12)
              for part, (name, bill) in enumerate(pool.peers.items())}
    outcome = Outcome(tuple(replace(pool, replay=replace(pool.replay, pool=name), peers=better) for name in ("agent", "chat")))
    text = shown(page(outcome))
    lost = [name for name, bill in outcome.peers.items() if bill.cold_starts < outcome.stoker.cold_starts]
    sentences = matching_sentences(outcome.frontier, outcome.peers)

    assert lost
    assert all(any(f"{LABELS[name]} (" in sentence for sentence in sentences) for name in lost)
    assert all(sentence in text for sentence in sentences)
    for pool in outcome.pools:
        shown_beside = {name: pool.peers[name] for name in (WITHOUT_STOKER, TARGET_TRACKING)}
        assert all(f"{pool.name}: {sentence}" in text for sentence in matching_sentences(pool.frontier, shown_beside))


def test_the_worst_hour_holds_most_cold_starts(daily):
    (pool,) = daily.pools
    worst = worst_hour(pool)
    cold = np.where(pool.load.counted, cold_starts_of(pool.load, ready_of(pool.replay.target, 2), 6), 0)
    assert worst.cold == max(cold[first : first + 60].sum() for first in range(0, len(cold), 60))
    assert worst.cold == sum(minute.cold for minute in worst.minutes)
    assert len(worst.minutes) == 60
    assert any("ensemble" in minute.why for minute in worst.minutes)


def test_the_band_uses_no_data_of_the_last_hour():
    later = DAILY.copy()
    later[4000:] = 60
    one, other = (band(DemandSeries(0, peak, peak / 2, peak)) for peak in (DAILY, later))
    rows = [at for at, row in enumerate(one["rows"]) if row - 60 < 4000]
    assert [one["high"][at] for at in rows] == [other["high"][at] for at in rows]
    assert one["high"] != other["high"]


def test_steps_keep_every_value():
    assert steps(np.array([0, 0, 3, 3, 1])) == [[0, 0], [2, 3], [4, 1]]
    assert steps(np.array([], np.int64)) == []


@pytest.mark.parametrize("peak", [
    np.zeros(3000), np.full(3000, np.nan), np.ones(5), np.full(3000, 4.0),
    np.where(MINUTE % 2000 == 7, 500.0, 0.0), np.where((MINUTE > 900) & (MINUTE < 2500), np.nan, DAILY),
], ids=["quiet", "unknown", "five minutes", "steady", "two spikes", "a day's gap"])
def test_the_report_renders_for_any_traffic(peak):
    html = page(Outcome((outcome_of(peak),)))
    assert len(carried(html)) == 1
    assert "nan" not in shown(html).lower().split()


def test_several_pools_are_listed_separately():
    pools = (outcome_of(DAILY[:2000], "agent"), outcome_of(DAILY[2000:5000] + 3, "chat"))
    html = page(Outcome(pools))
    assert "Pool by pool" in html
    assert {one["name"] for one in carried(html)} == {"agent", "chat"}
    assert re.findall(r"<option value=\"(\d)\">", html) == ["0", "1"]
    assert len(re.findall(r"<div class=hour data-pool=\d", html)) == 2


def test_the_size_of_the_page_is_bounded():
    one = outcome_of(DAILY[:1500])
    assert len(carried(page(Outcome((one,) * 40)))) == 12


def test_names_are_escaped():
    html = page(Outcome((outcome_of(DAILY[:500], "</script><img src=x onerror=alert(1)>"),)))
    assert "<img" not in html
    assert carried(html)[0]["name"].startswith("</script>")


def bill(cold: int, idle: float) -> Bill:
    return Bill(minutes=10, invocations=1000, cold_starts=cold, idle_usd=idle, wait_usd=cold * 0.05)


def three(stoker: Bill, nothing: Bill) -> Outcome:
    base = outcome_of(np.ones(5))
    peers_bills = dict.fromkeys(base.peers, nothing)
    return Outcome((PoolOutcome(base.replay, base.demand, base.load, TERMS, base.keep_alive, stoker, nothing, peers_bills),))


@pytest.mark.parametrize(("stoker", "nothing", "says"), [
    (bill(10, 3.0), bill(100, 1.0), "Bill would be +$2.00, 90 fewer cold starts ($0.022 each)."),
    (bill(10, 1.0), bill(100, 3.0), "Bill would be -$2.00, 90 fewer cold starts."),
    (bill(12, 1.0), bill(10, 0.0), "Bill would be +$1.00, 2 more cold starts."),
    (bill(0, 0.0), bill(0, 0.0), "Bill would be $0.00, the same number of cold starts."),
])
def test_the_headline_for_better_and_worse_results(stoker, nothing, says):
    assert headline(three(stoker, nothing)) == says


def test_a_more_expensive_result_is_reported_as_such():
    assert "10 of 10 others would have had a lower bill + cold-start cost" in wins(three(bill(100, 90.0), bill(10, 0.0)))
    assert "Stoker would have had the lowest bill + cold-start cost of 11 strategies" in wins(three(bill(1, 0.0), bill(10, 9.0)))


@pytest.mark.parametrize(("cold", "says"), [(5, "met, with 99.50%."), (15, "not met, with 98.50%.")])
def test_the_warm_hit_objective_is_compared_with_the_result(cold, says):
    pool = three(bill(cold, 1.0), bill(100, 0.0)).pools[0]
    objective = replace(pool, terms=replace(TERMS, warm_hit_rate=0.99))
    assert promise(Outcome((objective,))) == f"Warm-hit objective of agent: 99 %; it would have been {says}"
    assert promise(Outcome((pool,))) == ""
    assert promise(Outcome((objective, objective))).startswith(f"{2 if cold == 5 else 0} of 2 pools")


def test_cheaper_and_more_expensive_policies_are_described():
    assert against(bill(10, 5.0), bill(30, 2.0), "It") == "It would have had 20 more cold starts for $3.00 less."
    assert against(bill(10, 5.0), bill(10, 5.0), "It") == "It would have had the same number of cold starts for the same bill."


def test_shares_are_never_rounded_to_0_or_100():
    assert hits(Bill(invocations=1e6, cold_starts=1)) == ">99.99%"
    assert hits(Bill(invocations=1e6)) == "100.00%"
    assert hits(Bill()) == "–"


def test_a_cost_above_and_below_that_without_stoker_is_named_more_and_less():
    assert (difference(60.27), difference(-646.26), difference(0)) == ("$60.27 more", "$646.26 less", "$0.00 more")


PER_SECOND = replace(TERMS, cold_start_cost_usd=0.4, cold_start_cost_usd_per_second=0.05)


def test_a_price_per_second_is_in_the_assumptions_the_table_of_settings_and_the_json():
    outcome = Outcome((outcome_of(DAILY[:2880], frontier=True, terms=PER_SECOND),))
    text = shown(page(outcome))

    assert "Cold-start cost: $0.40 each ($0.05 per second × 8 s), set in the policy." in text
    assert "USD per second of a cold start Cold starts Bill" in text
    assert [point[2] for point in line(outcome.pools[0]) if point[3]] == ["cold_start_cost_usd_per_second: 0.05"]
    (pool,) = as_json(outcome)["pools"].values()
    assert (pool["terms"]["cold_start_cost_usd"], pool["terms"]["cold_start_cost_usd_per_second"]) == (0.4, 0.05)
