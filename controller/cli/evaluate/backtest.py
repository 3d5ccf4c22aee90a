"""`stoker backtest`: targets, bill and cold starts on recorded traffic."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from adapters.runtime.files import whole_file
from controller.cli.evaluate.backtest_inputs import Clouds, apart, check_known, read_recorded, start_minute
from controller.cli.failure import Failed
from controller.cli.options import FILE, policy_argument, sandbox_options
from controller.cli.output import Form, console_of, emit, form_option, is_data, rendered
from controller.cli.progress import progress_of
from controller.cli.selection import with_selected
from controller.cli.verbosity import warn

if TYPE_CHECKING:
    from adapters.demand.history_file import History
    from config.model.policy import Assume, Policy, PoolPolicy
    from controller.backtest.lead_replay import LeadHistory
    from controller.backtest.result import Outcome, PoolOutcome


@click.command()
@policy_argument
@click.option("--history", "histories", multiple=True, metavar="POOL=FILE",
              help="Recorded traffic of a pool (.csv or .csv.gz); repeat for each pool.")
@click.option("--since", metavar="TIME",
              help="Read the metrics of the other pools from their provider, from this time on: 14d at most, or a date.")
@click.option("--start", metavar="TIMESTAMP",
              help="Count costs from this time on (UTC); earlier rows are used for learning only.")
@click.option("--compare", is_flag=True, help="Also compare with target tracking, schedules and other baselines.")
@click.option("--frontier", is_flag=True,
              help="Also replay other prices of a cold start, and show what each avoided cold start costs.")
@click.option("--levers", is_flag=True,
              help="Also calculate the bill for each other mechanism (lever), such as pings, and for layers of two.")
@click.option("--decisions", type=FILE, metavar="OUT.csv", help="Write the target of every pool for every minute.")
@click.option("--json", "json_path", type=FILE, metavar="OUT.json", help="Write the figures as JSON; - is the same as -o json.")
@click.option("--report", type=FILE, metavar="OUT.html", help="Write a self-contained HTML report that works offline.")
@form_option
@sandbox_options
def command(policy_path: Path, histories: tuple[str, ...], since: str | None, start: str | None, compare: bool, frontier: bool,
            levers: bool, decisions: Path | None, json_path: Path | None, report: Path | None, form: Form,
            sandbox_url: str | None, sandbox_grpc: str | None) -> None:
    """Replay recorded traffic and report the bill and the cold starts that there would have been with Stoker.

    The traffic is read from files or, with --since, from the provider; see `stoker history` for files that can be used again.
    A backtest makes no other call and changes nothing. It assumes memory, architecture and initialisation time where the policy
    does not set them; the lines above the table list them. It runs the daemon's own decision code, and gives it for each minute
    only the data that the daemon would have had at that minute.

    \b
    Examples:
      stoker backtest --since 14d --compare
      stoker backtest --history chat=chat.csv.gz --compare
      stoker backtest policy.yaml --history chat=chat.csv.gz --frontier
      stoker backtest --history chat=chat.csv.gz --report report.html
    """  # noqa: D301  (click reads the control character)
    from controller.cli.policy_file import read_policy

    apart({"--decisions": decisions, "--json": json_path, "--report": report}, policy_path, histories)
    policy = with_selected(read_policy(policy_path), sandbox_url, sandbox_grpc)
    recorded = read_recorded(policy, policy_path, histories, since, Clouds(sandbox_url, sandbox_grpc))
    begin = None if start is None else start_minute(start, recorded)
    check_known(recorded, begin)
    with_baselines = compare or frontier or report is not None
    outcome = run(policy, recorded, begin, with_baselines, levers)
    write_outputs(outcome, recorded, decisions, json_path, report)
    warn_of_events(policy, recorded)
    form = "json" if json_path == Path("-") else form
    if is_data(form):
        from controller.backtest.result import as_json

        emit("backtest", as_json(outcome), form)
    else:
        from controller.cli.evaluate import backtest_table, frontier_table

        backtest_table.show(outcome, console_of(form, soft_wrap=True), compare=with_baselines)
        if with_baselines:
            frontier_table.show(outcome, console_of(form), backtest_table.IN_FULL, detailed=frontier)


def warn_of_events(policy: "Policy", recorded: "dict[str, History]") -> None:
    """Warn of announced events without a measured effect on demand by the end of each history."""
    from controller.decision.events.forecast_adjustment import events_of
    from controller.decision.events.learned_effect import without_effect

    for pool in policy.pools:
        events = events_of(pool, recorded[pool.name].series)
        for text in () if events is None else without_effect(events.effects).values():
            warn(f"{pool.name}: {text}")


def run(policy: "Policy", recorded: "dict[str, History]", begin: int | None, compare: bool, levers: bool) -> "Outcome":
    """Replay every pool and compute its costs; show progress on a terminal."""
    from controller.backtest.result import Outcome
    from controller.cli.evaluate.backtest_leads import recorded_leads

    leads = recorded_leads(policy, recorded)
    of_pool = leads if any(leads.values()) else {}
    with progress_of("replaying", sum(len(history.series) for history in recorded.values())) as advance:
        pools = [run_pool(pool, policy.assume, recorded[pool.name], begin, compare, levers, advance, of_pool.get(pool.name))
                 for pool in policy.pools]
    return Outcome(tuple(pools))


def run_pool(pool: "PoolPolicy", assume: "Assume", history: "History", begin: int | None, compare: bool, levers: bool,
             advance: Callable[[float], None], leads: "list[LeadHistory] | None" = None) -> "PoolOutcome":
    """Replay one pool and compute its bills; `compare`: also those of the baselines, and its frontier. `leads`: recorded leading
    signals, with which also the bill without them is computed; None if no pool has one.
    """
    from controller.backtest.replay import replay
    from controller.backtest.result import judged
    from controller.decision.costs.assumptions import assumptions
    from controller.decision.costs.bill import judged_demand
    from controller.decision.costs.cost_model import terms_of
    from controller.decision.costs.keep_alive import keep_alive_of
    from controller.demand.warmers import demand_of

    (demand, advice), terms = demand_of(pool, history.series), terms_of(pool, assume)
    if advice is not None:
        warn(f"{pool.name}: {advice}")
    load = judged_demand(demand, 0 if begin is None else begin - demand.first_minute)
    rivals, curve, others = {}, None, []
    if compare:
        from controller.backtest.objective_replays import frontier_of
        from controller.decision.costs import baselines
        from controller.decision.costs.sentences import TARGET_TRACKING

        rivals = baselines.compare(load, terms)
        done, curve = frontier_of(pool, demand, terms, assume, load, rivals[TARGET_TRACKING], advance)
    else:
        done = replay(pool, demand, terms, assume, advance, explained=False)  # no report shows the reasons
    if leads is not None:
        from controller.backtest.lead_replay import WITHOUT_LEADS
        from controller.decision.costs.bill import bill_of

        rivals = {WITHOUT_LEADS: bill_of(load, done.target, terms, done.pinged), **rivals}
        done = replay(pool, demand, terms, assume, explained=False, leads=leads) if leads else done
    if levers:
        from adapters.kinds import policy_kinds
        from controller.backtest.lever_comparison import layers_of, under_each_lever

        others = under_each_lever(pool, demand, load, assume, layers_of(policy_kinds().levers))
    keep_alive = keep_alive_of(pool.lever.kind, assume)
    outcome = judged(done, demand, load, terms, keep_alive, rivals, others, history.doubts, assumptions(pool))
    return replace(outcome, frontier=curve)


def write_outputs(outcome: "Outcome", recorded: "dict[str, History]", decisions: Path | None, json_path: Path | None,
                  report: Path | None) -> None:
    """Write the requested output files, each atomically."""
    if decisions is not None:
        write_whole(decisions, decision_lines(outcome, recorded))
    if json_path is not None and json_path != Path("-"):
        from controller.backtest.result import as_json

        write_whole(json_path, [rendered("backtest", as_json(outcome))])
    if report is not None:
        from controller.backtest.report.page import page

        write_whole(report, [page(outcome)])


def decision_lines(outcome: "Outcome", recorded: "dict[str, History]") -> Iterator[str]:
    """Yield CSV text with `timestamp,pool,target` for every minute, one pool after the other; with `pinged` if a pool has two
    layers.
    """
    import numpy as np

    layered = any(pool.replay.pinged is not None for pool in outcome.pools)
    yield "timestamp,pool,target,pinged\n" if layered else "timestamp,pool,target\n"
    for pool in outcome.pools:
        replay = pool.replay
        stamps = recorded[pool.name].style.write(replay.first_minute, len(replay.target))
        pinged = np.zeros_like(replay.target) if replay.pinged is None else replay.pinged
        rows = zip(stamps, replay.target.tolist(), pinged.tolist(), strict=True)
        yield "".join(f"{stamp},{pool.name},{target},{top}\n" if layered else f"{stamp},{pool.name},{target}\n"
                      for stamp, target, top in rows)


def write_whole(path: Path, parts: Iterator[str] | list[str]) -> None:
    """Write a file atomically: Ctrl-C or a full disk leaves no partial file. Raise `Failed` when it cannot be written."""
    try:
        with whole_file(path) as file:
            file.writelines(part.encode() for part in parts)
    except OSError as error:
        raise Failed(f"{path}: cannot be written ({error.strerror or error}); choose another path") from error
