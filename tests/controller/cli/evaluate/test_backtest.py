"""`stoker backtest` from the outside: what it writes, what it refuses, and that a refusal touches nothing."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from adapters.demand.history_times import StampStyle
from controller.cli import main
from controller.decision.costs.sentences import dollars
from forecasting.demand import minute_of
from tests.builders import NOON

POLICY = """version: 1
defaults:
  objective: {cold_start_cost_usd: 0.05}
pools:
"""
POOL = """  - name: NAME
    lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: NAME, alias: live}
    max: 100
    memory_mb: 1024
    init_seconds: 8
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A folder with a policy of one pool and two days of traffic with a gap, and nothing else."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(POLICY + POOL.replace("NAME", "agent"))
    record(tmp_path / "agent.csv", 2 * 1440)
    return tmp_path


def record(path: Path, minutes: int, style: StampStyle = StampStyle()) -> None:  # noqa: B008
    rng = np.random.default_rng(11)
    peak = rng.poisson(4 + 3 * np.sin(np.arange(minutes) / 229)).tolist()
    rows = [f"{stamp},{10 * p},{p / 2},{p}" for stamp, p in zip(style.write(minute_of(NOON), minutes), peak, strict=True)]
    for at in range(500, min(530, minutes)):
        rows[at] = rows[at].split(",")[0] + ",,,"
    path.write_text("\n".join(["timestamp,invocations,avg_concurrency,max_concurrency", *rows]) + "\n")


def stoker(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["backtest", "--policy", "policy.yaml", *arguments])


def test_decisions_hold_a_row_a_pool_a_minute_stamped_as_the_history(folder):
    record(folder / "agent.csv", 600, StampStyle(" ", ":00", "+00:00"))
    done = stoker("--history", "agent=agent.csv", "--decisions", "out.csv")
    assert done.exit_code == 0, done.output
    rows = list(csv.DictReader((folder / "out.csv").read_text().splitlines()))
    assert list(rows[0]) == ["timestamp", "pool", "target"]
    history = list(csv.DictReader((folder / "agent.csv").read_text().splitlines()))
    assert [row["timestamp"] for row in rows] == [row["timestamp"] for row in history]
    assert {row["pool"] for row in rows} == {"agent"}
    assert any(int(row["target"]) > 0 for row in rows)


def test_a_history_filled_with_zeros_is_marked_as_optimistic(folder):
    whole = stoker("--history", "agent=agent.csv")
    record(folder / "agent.csv", 400)
    filled = stoker("--history", "agent=agent.csv", "--json", "out.json")

    assert "without a gap" not in whole.output
    assert "in a history without a gap" in " ".join(filled.output.split())
    assert json.loads((folder / "out.json").read_text())["pools"]["agent"]["history"]["zeros_without_gaps"] > 0


def test_a_history_of_longer_periods_is_marked_as_approximate(folder):
    minutes = stoker("--history", "agent=agent.csv")
    lines = (folder / "agent.csv").read_text().splitlines()
    repeated = [row.split(",")[0] + "," + lines[1 + at // 5 * 5].partition(",")[2] for at, row in enumerate(lines[1:])]
    (folder / "agent.csv").write_text("\n".join([lines[0], *repeated]) + "\n")
    periods = stoker("--history", "agent=agent.csv", "--json", "out.json", "--report", "out.html")

    assert "longer periods" not in minutes.output
    assert "recorded in longer periods than 1 min: 5 min for agent." in " ".join(periods.output.split())
    assert "istories recorded in longer periods than 1 min" in (folder / "out.html").read_text()
    assert json.loads((folder / "out.json").read_text())["pools"]["agent"]["history"]["recorded_period_minutes"] == 5


def test_tables_and_reports_show_the_currency_and_zone_of_the_policy_and_data_do_not(folder):
    plain = stoker("--history", "agent=agent.csv", "--json", "plain.json", "--report", "plain.html")
    with (folder / "policy.yaml").open("a") as policy:
        policy.write("display: {timezone: Asia/Kolkata, currency_rate: {EUR: 2}}\n")
    shown = stoker("--history", "agent=agent.csv", "--json", "shown.json", "--report", "out.html")
    page = (folder / "out.html").read_text()

    assert "EUR " in shown.stdout
    assert "$" not in shown.stdout
    assert "IST" in shown.stdout
    assert "UTC" in plain.stdout
    assert "EUR" in page
    assert "Times are in the zone Asia/Kolkata." in page
    assert (folder / "shown.json").read_text() == (folder / "plain.json").read_text()


def test_figures_as_json_add_up(folder):
    done = stoker("--history", "agent=agent.csv", "--start", "2026-03-03T12:00:00Z", "--compare", "--json", "-")
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    pool = figures["pools"]["agent"]
    assert pool["history"] == {"first": "2026-03-02T12:00:00Z", "last": "2026-03-04T11:59:00Z", "minutes": 2880,
                               "counted_from": "2026-03-03T12:00:00Z", "unknown_minutes": 30, "counted_known_share": 1.0,
                               "zeros_without_gaps": 0, "recorded_period_minutes": 1, "impossible_rows": []}
    for bill in (pool["stoker"], pool["without-stoker"], *pool["peers"].values()):
        cost = bill["cost_usd"]
        kinds = [cost[kind] for kind in ("idle", "warm_work", "on_demand_work", "cold_start_init", "requests")]
        assert cost["bill"] == pytest.approx(sum(kinds))
        assert cost["bill_plus_cold_start_cost"] == pytest.approx(cost["bill"] + cost["cold_start_cost"])
        assert bill["minutes"] == 1440
    assert pool["without-stoker"]["relative_cost"] == 1.0
    assert pool["peers"]["without-stoker"] == pool["without-stoker"]
    assert figures["total"]["stoker"] == pool["stoker"]


def test_assumed_properties_of_the_function_are_printed(folder):
    policy = folder / "policy.yaml"
    policy.write_text(policy.read_text().replace("    memory_mb: 1024\n", ""))
    done = stoker("--history", "agent=agent.csv", "--json", "out.json", "--report", "out.html")

    assert done.exit_code == 0, done.output
    assert "  assumed     1,024 MB of memory (memory_mb)" in done.stdout
    terms = json.loads((folder / "out.json").read_text())["pools"]["agent"]["terms"]
    assert terms["assumed"]["memory_mb"] == "1,024 MB of memory"
    assert "1,024 MB of memory (memory_mb) for 1 pool" in (folder / "out.html").read_text()


def test_without_compare_there_are_no_peers(folder):
    figures = json.loads(stoker("--history", "agent=agent.csv", "--json", "-").stdout)
    assert set(figures["pools"]["agent"]) == {"history", "terms", "metric_reads_usd_per_month", "stoker", "without-stoker",
                                              "range"}


def test_several_pools_are_totalled(folder):
    (folder / "policy.yaml").write_text(POLICY + POOL.replace("NAME", "agent") + POOL.replace("NAME", "chat"))
    record(folder / "chat.csv", 1000)
    done = stoker("--history", "agent=agent.csv", "--history", "chat=chat.csv", "--json", "o.json", "--decisions", "o.csv")
    assert done.exit_code == 0, done.output
    figures = json.loads((folder / "o.json").read_text())
    each = [pool["stoker"]["cold_starts"] for pool in figures["pools"].values()]
    assert figures["total"]["stoker"]["cold_starts"] == sum(each)
    assert len((folder / "o.csv").read_text().splitlines()) == 1 + 2880 + 1000
    assert "all pools" in done.output


def test_the_table_ranks_stoker_among_its_peers(folder):
    done = stoker("--history", "agent=agent.csv", "--compare")
    assert "stoker" in done.output
    assert "aws-target-tracking" in done.output
    assert "best-constant*" in done.output


def test_each_baseline_has_one_name_in_the_table_the_json_and_the_report(folder):
    done = stoker("--history", "agent=agent.csv", "--compare", "--levers", "--json", "out.json", "--report", "out.html")
    figures, html = (folder / "out.json").read_text(), (folder / "out.html").read_text()

    assert {"without-stoker", "aws-target-tracking"} <= set(json.loads(figures)["total"]["peers"])
    assert "without-stoker" in json.loads(figures)["total"]
    assert "<h2>Without Stoker</h2>" in html
    assert "<h2>AWS target tracking (70 %)</h2>" in html
    for surface in (done.output, figures, html):
        found = re.findall(r"nothing (?:kept )?warm|on-demand (?:alone|service)|\"on-demand\"|kept nothing warm", surface.lower())
        assert found == []


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("pools", [1, 2, 5])
def test_the_table_has_its_frame_and_fits_the_terminal(folder, monkeypatch, width, pools):
    names = ["agent-" + "x" * 57, *(f"agent-{number}" for number in range(1, pools))]
    (folder / "policy.yaml").write_text(POLICY + "".join(POOL.replace("NAME", name) for name in names))
    monkeypatch.setenv("COLUMNS", str(width))
    record(folder / "short.csv", 600)
    histories = [word for name in names for word in ("--history", f"{name}=short.csv")]
    done = stoker(*histories, "--start", "2026-03-02T14:00:00Z", "--compare", "--json", "out.json")
    whole, figures = done.output, json.loads((folder / "out.json").read_text())["total"]

    assert max(map(len, whole.splitlines())) <= width
    assert "\x1b" not in whole
    text = " ".join(whole.split())
    for part in ("period 2026-03-02 14:00 to 2026-03-02 22:00 UTC (8 h)", "requests ", "peak ", "timing metric delay 2 min",
                 "per month ", "× 730 h", "result Bill would be ", "Stoker did not run"):
        assert part in text
    assert "saved" not in text
    assert f" {figures['stoker']['cold_starts']:,} " in text
    for amount in (figures["stoker"]["cost_usd"]["bill"], figures["stoker"]["per_month"]["bill_usd"]):
        assert f" {dollars(amount)}" in text


def test_figures_per_month_are_in_the_json(folder):
    stoker("--history", "agent=agent.csv", "--start", "2026-03-03T12:00:00Z", "--json", "out.json")
    bill = json.loads((folder / "out.json").read_text())["pools"]["agent"]["stoker"]
    assert bill["per_month"]["bill_usd"] == pytest.approx(bill["cost_usd"]["bill"] * 730 / 24)
    assert bill["per_month"]["cold_start_cost_usd"] == pytest.approx(bill["cost_usd"]["cold_start_cost"] * 730 / 24)


@pytest.mark.parametrize("no_color", [None, "1"])
def test_the_own_row_is_coloured_on_a_terminal_only_without_no_color(folder, monkeypatch, no_color):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", no_color)
    output = stoker("--history", "agent=agent.csv").output
    assert ("\x1b[1;32mstoker" in output) == (no_color is None)
    assert ("\x1b[1mstoker" in output) == (no_color is not None)


def test_the_keep_alive_is_shown_with_its_source(folder):
    assumed = stoker("--history", "agent=agent.csv", "--json", "out.json")
    terms = json.loads((folder / "out.json").read_text())["pools"]["agent"]["terms"]
    with (folder / "policy.yaml").open("a") as policy:
        policy.write("assume: {keep_alive: 10m}\n")
    chosen = stoker("--history", "agent=agent.csv")

    assert "  keep-alive  20m (assumed for AWS Lambda" in assumed.output
    assert (terms["keep_alive_minutes"], terms["keep_alive"]["basis"]) == (20, "assumed")
    assert "  keep-alive  10m (set in the policy)" in chosen.output


def test_figures_have_the_range_of_an_assumed_keep_alive_and_none_of_one_that_is_set(folder):
    found, minutes = {}, {"assumed": None, "low": 5, "high": 60}
    policy = (folder / "policy.yaml").read_text()
    for name, span in minutes.items():
        (folder / "policy.yaml").write_text(policy + ("" if span is None else f"assume: {{keep_alive: {span}m}}\n"))
        stoker("--history", "agent=agent.csv", "--json", "out.json")
        found[name] = json.loads((folder / "out.json").read_text())["pools"]["agent"]
    (folder / "policy.yaml").write_text(policy)
    low, high = found["assumed"]["range"]["cold_starts_without_stoker"]

    assert [low, high] == [found[end]["without-stoker"]["cold_starts"] for end in ("high", "low")]
    assert low < high
    assert found["low"]["range"] is None
    assert f"{low:,.0f} to {high:,.0f} without Stoker" in " ".join(stoker("--history", "agent=agent.csv").output.split())


def test_many_pools_get_a_line_each(folder):
    names = [f"agent-{number}" for number in range(6)]
    (folder / "policy.yaml").write_text(POLICY + "".join(POOL.replace("NAME", name) for name in names))
    record(folder / "short.csv", 300)
    done = stoker(*(word for name in names for word in ("--history", f"{name}=short.csv")))
    assert done.exit_code == 0, done.output
    assert done.output.count("agent-3") == 1
    assert done.output.count("\nwithout-stoker ") == 1  # of all pools together


def test_the_same_run_writes_the_same_bytes(folder):
    for name in ("one", "other"):
        stoker("--history", "agent=agent.csv", "--decisions", f"{name}.csv", "--json", f"{name}.json", "--compare")
    assert (folder / "one.csv").read_bytes() == (folder / "other.csv").read_bytes()
    assert (folder / "one.json").read_bytes() == (folder / "other.json").read_bytes()


@pytest.mark.parametrize(("arguments", "says"), [
    (("--history", "agnet=agent.csv"), "policy.yaml has no pool agnet: did you mean agent?"),
    (("--history", "agent.csv"), "--history agent.csv: write it as POOL=FILE"),
    (("--history", "agent=agent.csv", "--history", "agent=agent.csv"), "pool agent already has a history"),
    (("--history", "agent=none.csv"), "none.csv: the file does not exist"),
    (("--history", "agent=broken.csv"), "broken.csv:2: max_concurrency is 'x'; write a number"),
    (("--history", "agent=agent.csv", "--start", "noon"), "--start: 'noon' is not a timestamp"),
    (("--history", "agent=agent.csv", "--start", "2027-01-01T00:00:00Z"), "the history of agent covers 2026-03-02T12:00Z to"),
])
def test_wrong_input_ends_with_two_and_writes_nothing(folder, arguments, says):
    (folder / "broken.csv").write_text("timestamp,invocations,avg_concurrency,max_concurrency\n2026-03-02T12:00:00Z,1,1,x\n")
    before = sorted(path.name for path in folder.iterdir())
    done = stoker(*arguments, "--decisions", "out.csv", "--json", "out.json")
    assert done.exit_code == 2
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert sorted(path.name for path in folder.iterdir()) == before


def rewritten(path: Path, change) -> None:
    """A history with other cells: `change` makes them of a row's number and its cells."""
    header, *rows = path.read_text().splitlines()
    cells = [change(at, *row.split(",")[1:]) for at, row in enumerate(rows)]
    path.write_text("\n".join([header, *(f"{row.split(',')[0]},{each}" for row, each in zip(rows, cells, strict=True))]) + "\n")


@pytest.mark.parametrize(("change", "says"), [
    (lambda at, requests, busy, peak: "30,0,0", "agent.csv:2: invocations is 30 and avg_concurrency 0 at a max_concurrency of 0"),
    (lambda at, requests, busy, peak: "30,,", "agent.csv: avg_concurrency or max_concurrency is empty in all 2880 rows"),
])
@pytest.mark.parametrize("arguments", [(), ("--start", "2026-03-03T12:00:00Z")])
def test_a_replay_of_nothing_fails_and_writes_nothing(folder, change, says, arguments):
    rewritten(folder / "agent.csv", change)
    done = stoker("--history", "agent=agent.csv", "--json", "out.json", *arguments)

    assert (done.exit_code, done.stdout) == (2, "")
    assert says.replace("2880", "1440" if arguments else "2880") in done.stderr
    assert not (folder / "out.json").exists()


def test_the_known_share_of_a_history_is_shown_with_its_figures(folder):
    rewritten(folder / "agent.csv", lambda at, requests, busy, peak: "30,0,0" if at in (7, 2000) else f"{requests},{busy},{peak}")
    done = stoker("--history", "agent=agent.csv", "--start", "2026-03-03T12:00:00Z", "--json", "out.json", "--report", "out.html")
    history = json.loads((folder / "out.json").read_text())["pools"]["agent"]["history"]

    assert "1,439 of 1,440 minutes (99.93 %); the others are not counted" in done.stdout
    assert "warning: agent: agent.csv:9: invocations is 30" in done.stderr
    assert (history["unknown_minutes"], history["counted_known_share"]) == (32, 0.999306)
    assert [row["line"] for row in history["impossible_rows"]] == [9, 2002]
    assert "counted as unknown: 2. The first is line 9" in (folder / "out.html").read_text()


def test_requests_that_were_counted_again_when_a_unit_ended_change_nothing_but_their_own_minutes(folder):
    """Counters of several units had been summed before they were differenced: 200,000 requests in a minute of a dozen."""
    (folder / "policy.yaml").write_text((POLICY + POOL.replace("NAME", "agent")).replace("cold_start_cost_usd: 0.05",
                                                                                         "warm_hit_rate: 0.99"))
    rng, minutes = np.random.default_rng(7), 8 * 1440
    office = (np.arange(minutes) // 60 + 12) % 24
    peak = np.where((office >= 8) & (office < 18), rng.poisson(0.4, minutes) * 2, 0)
    stamps = StampStyle().write(minute_of(NOON), minutes)
    told = {}
    for name, ended in (("spike", range(1207, minutes, 60)), ("none", ())):
        rows = [f"{stamp},{4 * p},{0.4 * p:.2f},{p}" for stamp, p in zip(stamps, peak.tolist(), strict=True)]
        for at in ended:
            rows[at] = f"{stamps[at]},200080,{max(1, peak[at])},{max(1, peak[at])}"
        (folder / "agent.csv").write_text("\n".join(["timestamp,invocations,avg_concurrency,max_concurrency", *rows]) + "\n")
        done = stoker("--history", "agent=agent.csv", "--start", "2026-03-05T12:00:00Z", "--json", f"{name}.json")
        assert done.exit_code == 0, done.output
        told[name] = json.loads((folder / f"{name}.json").read_text())["pools"]["agent"]

    assert len(told["spike"]["history"]["impossible_rows"]) == len(range(1207, minutes, 60))
    spike, none = (told[name]["stoker"] for name in ("spike", "none"))
    assert spike["warm_hit_rate"] == pytest.approx(none["warm_hit_rate"], abs=0.002)
    assert spike["cold_starts"] == pytest.approx(none["cold_starts"], rel=0.1)
    assert none["cold_starts"] < told["none"]["without-stoker"]["cold_starts"] / 1.5


@pytest.mark.parametrize(("outputs", "says"), [
    (("--decisions", "x", "--json", "x"), "--json x: --decisions names the same file"),
    (("--decisions", "x", "--report", "./x"), "--report x: --decisions names the same file"),
    (("--json", "policy.yaml"), "--json policy.yaml: --policy names the same file"),
    (("--decisions", "agent.csv"), "--decisions agent.csv: --history names the same file"),
])
def test_no_output_file_overwrites_an_input_or_another_output(folder, outputs, says):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    done = stoker("--history", "agent=agent.csv", *outputs)

    assert done.exit_code == 2
    assert says in done.stderr
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_pool_without_history_is_named(folder):
    (folder / "policy.yaml").write_text(POLICY + POOL.replace("NAME", "agent") + POOL.replace("NAME", "chat"))
    done = stoker("--history", "agent=agent.csv")
    assert done.exit_code == 2
    assert "no history for chat: add --since 14d to read the provider, --history chat=FILE" in done.stderr


def test_an_unwritable_output_is_a_failure(folder):
    done = stoker("--history", "agent=agent.csv", "--decisions", "no/such/folder/out.csv")
    assert done.exit_code == 1
    assert "no/such/folder/out.csv: cannot be written" in done.output


def test_an_interrupted_write_leaves_the_old_file_and_no_partial_file(folder):
    from controller.cli.evaluate.backtest import write_whole

    def interrupted():
        yield "half a li"
        raise KeyboardInterrupt

    (folder / "out.csv").write_text("old")
    with pytest.raises(KeyboardInterrupt):
        write_whole(folder / "out.csv", interrupted())
    assert (folder / "out.csv").read_text() == "old"
    assert not list(folder.glob(".out.csv*"))


def with_leads(folder: Path, *leads: str) -> None:
    """Let pool `agent` have leads, beside a pool `planner` with the same traffic 9 min earlier."""
    lines = "".join(f"      - {lead}\n" for lead in leads)
    (folder / "policy.yaml").write_text(POLICY + POOL.replace("NAME", "agent") + "    leads:\n" + lines
                                        + POOL.replace("NAME", "planner"))
    rows = (folder / "agent.csv").read_text().splitlines()
    stamps, values = ([line.partition(",")[at] for line in rows[1:]] for at in (0, 2))
    earlier = [f"{stamp},{value}" for stamp, value in zip(stamps, values[9:] + values[:9], strict=True)]
    (folder / "planner.csv").write_text("\n".join([rows[0], *earlier]) + "\n")


@pytest.mark.parametrize("lead", ["{pool: planner}", "{kind: history-file, path: FOLDER/planner.csv}"])
def test_leading_signals_are_replayed_beside_the_decisions_without_them(folder, lead):
    with_leads(folder, lead.replace("FOLDER", str(folder)))
    done = stoker("--history", "agent=agent.csv", "--history", "planner=planner.csv", "--json", "out.json")
    assert done.exit_code == 0, done.output
    pools = json.loads((folder / "out.json").read_text())["pools"]
    rivals = {name: pool["peers"]["stoker-without-leads"] for name, pool in pools.items()}

    assert pools["agent"]["stoker"]["cost_usd"] != rivals["agent"]["cost_usd"]
    assert pools["planner"]["stoker"] == rivals["planner"]
    assert "stoker-without-leads" in done.output


def test_a_leading_signal_without_a_history_is_left_out_with_a_warning(folder):
    depth = "{namespace: AWS/SQS, metric: ApproximateNumberOfMessagesVisible, statistic: Maximum}"
    with_leads(folder, f"{{kind: cloudwatch, region: us-east-1, peak: {depth}}}")
    done = stoker("--history", "agent=agent.csv", "--history", "planner=planner.csv", "--json", "out.json")

    assert done.exit_code == 0, done.output
    assert "warning: agent: the leading signal cloudwatch" in done.output
    assert "peers" not in json.loads((folder / "out.json").read_text())["pools"]["agent"]


def test_an_unusable_file_of_a_leading_signal_is_an_error(folder):
    with_leads(folder, f"{{kind: history-file, path: {folder}/absent.csv}}")
    done = stoker("--history", "agent=agent.csv", "--history", "planner=planner.csv")

    assert done.exit_code == 2
    assert "absent.csv" in done.output


def test_it_loads_no_library_that_it_does_not_need(folder):
    program = (
        "import sys\nfrom controller.cli import main\n"
        "sys.argv = ['stoker', 'backtest', '--policy', 'policy.yaml', '--history', 'agent=agent.csv', '--json', '-']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "unneeded = ('statsmodels', 'scipy', 'boto3', 'botocore', 'aiohttp', 'asyncio', 'rich')\n"
        "print([name for name in unneeded if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip().splitlines()[-1] == "[]"


def test_it_opens_no_connection(folder, monkeypatch):
    import socket

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a backtest must call nobody")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    outputs = ("--report", "out.html", "--json", "out.json", "--decisions", "out.csv")
    done = stoker("--history", "agent=agent.csv", "--compare", *outputs)
    assert done.exit_code == 0, done.output
    assert {"out.html", "out.json", "out.csv"} <= {path.name for path in folder.iterdir()}


def test_levers_are_priced_on_the_terminal_and_for_machines(folder):
    arguments = ["backtest", "--policy", "policy.yaml", "--history", "agent=agent.csv", "--levers"]
    shown = CliRunner().invoke(main, arguments)
    told = CliRunner().invoke(main, [*arguments, "--json", "-"])

    assert "the same traffic under each lever" in shown.output
    levers = json.loads(told.output)["pools"]["agent"]["levers"]
    assert {"lambda-provisioned-concurrency", "lambda-ping"} <= set(levers)
    assert levers["lambda-ping"]["stoker"]["cost_usd"]["bill_plus_cold_start_cost"] > 0
    assert levers["cloud-run-min-instances"]["keep_alive"]["seconds"] == 900


def test_a_warmer_is_named_and_a_policy_that_names_it_plans_no_units_for_it(folder):
    stamps = StampStyle().write(minute_of(NOON), 3 * 1440)
    rows = [f"{stamp},3,0.005,3" if at % 5 == 0 else f"{stamp},0,0,0" for at, stamp in enumerate(stamps)]
    (folder / "agent.csv").write_text("\n".join(["timestamp,invocations,avg_concurrency,max_concurrency", *rows]) + "\n")

    def replayed():
        done = stoker("--history", "agent=agent.csv", "--decisions", "out.csv")
        assert done.exit_code == 0, done.output
        return max(int(row["target"]) for row in csv.DictReader((folder / "out.csv").read_text().splitlines())), done.stderr

    kept, told = replayed()
    assert kept >= 3
    assert "warning: agent: 3 requests every 5 min with almost no work look like a warmer" in told

    (folder / "policy.yaml").write_text(POLICY + POOL.replace("NAME", "agent") + "    warmer: {every: 5m, requests: 3}\n")
    assert replayed() == (0, "")


def test_the_price_of_reads_is_shown_beside_the_bill(folder):
    done = stoker("--history", "agent=agent.csv", "--json", "out.json")
    usd = json.loads((folder / "out.json").read_text())["pools"]["agent"]["metric_reads_usd_per_month"]

    assert 0.2 < usd < 1.06, "the first day is read each minute"
    assert f"Reading metrics: {usd:.2f} USD per month at list price, in no bill above." in " ".join(done.output.split())


def test_free_reads_have_no_price(folder):
    policy = POLICY + POOL.replace("NAME", "agent").replace("max: 100", "max: 100\n    demand: {kind: none}")
    (folder / "policy.yaml").write_text(policy)
    done = stoker("--history", "agent=agent.csv", "--json", "out.json")

    assert json.loads((folder / "out.json").read_text())["pools"]["agent"]["metric_reads_usd_per_month"] is None
    assert "Reading metrics" not in done.output
