"""`stoker report`: the past days from the store, and whether pools in shadow mode are ready for active mode."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.cli.completion_names import pool_names
from controller.cli.failure import Failed, WrongInput
from controller.cli.options import policy_option, state_dir_option
from controller.cli.output import Form, emit, is_data, output_option
from controller.cli.policy_file import read_policy
from controller.cli.selection import with_kept
from controller.cli.since import since_of

if TYPE_CHECKING:
    from config.model.policy import Policy, PoolPolicy
    from controller.report.assembly import Report

NOT_READY = 3
"""Exit code with --gate when a pool in shadow mode is not ready."""

LONGEST = timedelta(days=14)
"""Retention of decisions and demand."""


@click.command()
@click.argument("names", metavar="[POOL]...", nargs=-1, shell_complete=pool_names)
@policy_option
@state_dir_option
@click.option("--since", default="7d", show_default=True, metavar="TIME",
              help="Start of the report: a duration such as 7d, at most 14d, or a date. It begins at 00:00 UTC of that day.")
@click.option("--markdown", is_flag=True, help="Print Markdown, for a pull request or a chat.")
@output_option
@click.option("--html", "html_path", type=click.Path(path_type=Path), metavar="OUT.html",
              help="Also write a self-contained page with a chart for each day.")
@click.option("--gate", is_flag=True, help="Exit with code 3 when a pool in shadow mode is not ready for active mode.")
@click.pass_context
def command(ctx: click.Context, names: tuple[str, ...], policy_path: Path, state_dir: Path, since: str, markdown: bool,
            form: Form, html_path: Path | None, gate: bool) -> None:
    """Report what Stoker did, or in shadow mode would have done, for each POOL (default: all pools of the policy), and whether a
    pool in shadow mode is ready for active mode.

    Reads the store only, while the daemon runs or after it stopped; calls no provider and changes nothing. For each pool: which
    minutes have data, the changes, bill and cold starts with and without Stoker, whether the forecasts held, decisions worth
    looking at with the command that explains each, and the criteria for active mode with their values and thresholds.

    \b
    Examples:
      stoker report
      stoker report chat --html report.html
      stoker report --policy policy.yaml --gate && echo ready

    Figures of pools in shadow mode are simulated: nothing was written. They are never added to those of pools in active mode.
    """  # noqa: D301  (click reads the control character)
    from adapters.runtime.clock import SystemClock
    from controller.store.sqlite_file import StoreError

    if markdown and is_data(form):
        raise WrongInput(f"--markdown and -o {form}: give one of them")
    policy, now = read_policy(policy_path), SystemClock().now()
    start = since_of(since, now, LONGEST)
    try:
        policy = with_kept(policy, state_dir)
        report = read_report(chosen(policy, policy_path, names), state_dir, start, now)
    except StoreError as error:
        raise Failed(str(error)) from error
    if html_path is not None:
        from controller.cli.evaluate.backtest import write_whole
        from controller.report.page import page

        write_whole(html_path, [page(report)])
    show(report, markdown, form)
    if gate and not report.ready:
        ctx.exit(NOT_READY)


def chosen(policy: "Policy", policy_path: Path, names: Sequence[str]) -> "list[PoolPolicy]":
    """Return the pools with these names, in the order of the policy; all pools without names. Raise `WrongInput`."""
    known = {pool.name: pool for pool in policy.pools}
    if unknown := [name for name in names if name not in known]:
        raise WrongInput(f"{policy_path} has no pool {unknown[0]}: it has {', '.join(list(known)[:10])}")
    return [pool for name, pool in known.items() if not names or name in names]


def read_report(policies: "Sequence[PoolPolicy]", state_dir: Path, since: datetime, now: datetime) -> "Report":
    """Return the report of pools from the store. Raise `StoreError`."""
    from controller.report.assembly import PoolReport, Report, pool_reports, without_series
    from controller.report.page import MOST_CHARTED
    from controller.report.period import Period
    from controller.report.reading import read_own, read_shared
    from controller.store.read_only import ReadOnlyStore
    from controller.store.state_dir import STORE_NAME

    period = Period.before(now, since)
    with ReadOnlyStore(state_dir / STORE_NAME) as store:
        shared, pools = read_shared(store, period), list[PoolReport]()
        for pool in policies:
            reports = pool_reports(pool, period, shared, read_own(store, pool, period))
            pools += reports if len(pools) < MOST_CHARTED else map(without_series, reports)
        return Report(period, tuple(pools), shared.metric_reads_usd_per_month)


def show(report: "Report", markdown: bool, form: Form) -> None:
    """Print the report."""
    from controller.report.body import body_of
    from controller.report.text import markdown_of, text_of

    if is_data(form):
        emit("report", body_of(report), form)
    else:
        click.echo(markdown_of(report) if markdown else text_of(report), nl=False)
