"""`stoker doctor`: checks of everything a policy needs, before it is used."""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.cli.failure import Failed, WrongInput
from controller.cli.options import policy_argument, sandbox_options, state_dir_option
from controller.cli.output import Form, console_of, emit, is_data, output_option
from controller.cli.policy_file import read_policy
from controller.cli.selection import with_selected
from controller.cli.verbosity import is_quiet, note, start_log

if TYPE_CHECKING:
    from adapters.ports.diagnostics import Finding
    from config.model.policy import Policy, PoolPolicy

MANY = 8
"""More `ok` or skipped findings of one check than this are shown in one line."""


@click.command()
@policy_argument
@state_dir_option
@click.option("--live-check", metavar="POOL", help="Also raise POOL by one unit at the provider, wait until it is ready, and "
              "restore it. Asks for confirmation. Costs less than 0.05 USD.")
@click.option("--yes", is_flag=True, help="With --live-check: skip the confirmation.")
@output_option
@sandbox_options
@click.pass_context
def command(ctx: click.Context, policy_path: Path, state_dir: Path, live_check: str | None, yes: bool, form: Form,
            sandbox_url: str | None, sandbox_grpc: str | None) -> None:
    """Check everything that POLICY needs, and print the remedy for each problem. Changes nothing without --live-check.

    Checks credentials, each permission, clock skew against the provider, the age of each pool's metrics, quotas, the state folder
    and its disk, other running daemons, and time zones. Checks that require a write are reported as `unchecked`. Exit code 1
    when any check fails.

    --live-check runs these remaining checks on one pool with mode: active that no daemon manages, such as a test function.

    \b
    Examples:
      stoker doctor
      stoker doctor policy.yaml -o json | jq '.findings[] | select(.verdict == "fail")'
      stoker doctor first-run.yaml --live-check throw-away
    """  # noqa: D301  (click reads the control character)
    policy = with_selected(read_policy(policy_path), sandbox_url, sandbox_grpc)
    pool = None if live_check is None else tried_pool(policy, live_check, state_dir)
    with pending_checks() as progress:
        findings = asyncio.run(run_checks(policy, state_dir, sandbox_url, sandbox_grpc, progress))
    if not is_data(form):
        show(findings, form)
    if pool is not None and not any_failed(findings):
        report_step = (lambda _: None) if is_data(form) else print_step
        findings += asyncio.run(run_live_check(policy, pool, sandbox_url, sandbox_grpc, yes, report_step))
    elif pool is not None and not is_data(form):
        note("The live check was not started: fix the failures first.")
    failed = any_failed(findings)
    if is_data(form):
        emit("doctor", {"ok": not failed, "findings": [asdict(finding) for finding in findings]}, form)
    ctx.exit(1 if failed else 0)


def tried_pool(policy: "Policy", name: str, state_dir: Path) -> "PoolPolicy":
    """Return the pool of a live check. Raise `WrongInput` when it is not in the policy or a daemon may write to it meanwhile."""
    from controller.store.sqlite_file import in_use
    from controller.store.state_dir import STORE_NAME

    pool = next((each for each in policy.pools if each.name == name), None)
    if pool is None:
        raise WrongInput(f"--live-check: no pool {name!r} in the policy; it has {', '.join(each.name for each in policy.pools)}")
    if policy.lease is not None:
        raise WrongInput("--live-check: the policy has a lease, so other daemons may write at the same time: "
                         "use a separate policy without `lease` and a separate pool")
    if in_use(state_dir / STORE_NAME):
        raise WrongInput(f"--live-check: a daemon uses {state_dir} and may write at the same time: stop it, or use a separate "
                         "policy and --state-dir")
    return pool


async def run_live_check(policy: "Policy", pool: "PoolPolicy", sandbox_url: str | None, sandbox_grpc: str | None, yes: bool,
                         report_step: "Callable[[Finding], None]") -> "list[Finding]":
    """Run the live check of one pool after confirmation. Return its findings."""
    from dataclasses import replace

    from numpy.random import PCG64, Generator

    from adapters.ports.errors import AdapterError
    from adapters.registry import Registry
    from adapters.runtime.clock import SystemClock
    from controller.preflight.live_check import NotPossible, carry_out, propose
    from controller.redaction.redactor import redact_text

    clock, findings = SystemClock(), []

    def report(finding: "Finding") -> None:
        findings.append(replace(finding, text=redact_text(finding.text)))
        report_step(findings[-1])

    registry = Registry(clock, Generator(PCG64()), sandbox_url=sandbox_url, sandbox_grpc=sandbox_grpc)
    try:
        lever = registry.lever(pool)
        try:
            trial = await propose(pool, lever, policy.assume)
        except (NotPossible, AdapterError) as error:
            raise Failed(f"the live check was not started: {error}") from error
        confirm(f"Raise {pool.name} from {trial.before} to {trial.raised} at the provider, wait up to 15 min until it is ready, "
                f"and restore it to {trial.before}. Bill: at most {trial.most_usd:.4f} USD. Continue?", yes)
        await carry_out(trial, lever, clock, report)
    finally:
        await registry.close()
    return findings


def confirm(question: str, yes: bool) -> None:
    """Ask for confirmation unless `yes`. Raise `WrongInput` without a terminal, `Abort` when the answer is no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise WrongInput("--live-check writes to the provider and asks for confirmation: without a terminal, add --yes")
    click.confirm(question, abort=True, err=True)


def any_failed(findings: "Sequence[Finding]") -> bool:
    """Return whether any finding failed, which makes the exit code 1."""
    return any(finding.verdict == "fail" for finding in findings)


def print_step(finding: "Finding") -> None:
    """Print one step of the live check when it completes."""
    remedy = f"\n    -> {finding.remedy}" if finding.remedy and finding.verdict != "ok" else ""
    click.echo(f"{finding.verdict.value:<5} {finding.check}: {finding.subject}: {finding.text}{remedy}")


async def run_checks(policy: "Policy", state_dir: Path, sandbox_url: str | None, sandbox_grpc: str | None,
                     progress: Callable[[Sequence[str]], None]) -> "list[Finding]":
    """Run all checks. Return the findings, with secrets redacted."""
    from dataclasses import replace

    from numpy.random import PCG64, Generator

    from adapters.kinds import grants
    from adapters.registry import Registry
    from adapters.runtime.clock import SystemClock
    from controller.preflight.doctor import examine
    from controller.redaction.redactor import redact_text

    clock = SystemClock()
    start_log(clock)
    registry = Registry(clock, Generator(PCG64()), sandbox_url=sandbox_url, sandbox_grpc=sandbox_grpc)
    try:
        findings = await examine(policy, registry, grants(policy), clock, state_dir, progress)
    finally:
        await registry.close()
    return [replace(finding, text=redact_text(finding.text)) for finding in findings]


@contextmanager
def pending_checks() -> Iterator[Callable[[Sequence[str]], None]]:
    """Yield a function that shows the pending checks on a terminal; without a terminal it does nothing."""
    if is_quiet() or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True).status("checking ...") as status:
        yield lambda waiting: status.update(f"{len(waiting)} checks pending: {', '.join(waiting[:3])}".replace("[", r"\["))


def show(findings: "Sequence[Finding]", form: Form) -> None:
    """Print a line for each finding with its remedy below. Unless wide, combine more than `MANY` `ok` findings of one check."""
    from rich.table import Table

    colours = {"ok": "green", "unchecked": "dim", "skipped": "dim", "warn": "yellow", "fail": "bold red"}
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    for finding in findings if form == "wide" else combined(findings):
        text = f"{finding.subject}: {finding.text}"
        if finding.remedy and finding.verdict != "ok":
            text += f"\n-> {finding.remedy}"
        table.add_row(f"[{colours[finding.verdict]}]{finding.verdict.value}[/]", finding.check, text.replace("[", r"\["))
    console = console_of(form)
    console.print(table)
    counts = Counter(finding.verdict.value for finding in findings)
    console.print("\n" + ", ".join(f"{counts[verdict]} {verdict}" for verdict in ("fail", "warn", "unchecked", "skipped", "ok")))


def combined(findings: "Sequence[Finding]") -> "Iterator[Finding]":
    """Yield the findings; replace more than `MANY` findings of one check that are all `ok`, or skipped for one reason, by one."""
    from dataclasses import replace

    def alike(finding: "Finding") -> tuple[str, str, str]:
        return finding.check, finding.verdict, finding.text if finding.verdict == "skipped" else ""

    many = Counter(alike(finding) for finding in findings if finding.verdict in ("ok", "skipped"))
    shown: set[tuple[str, str, str]] = set()
    for finding in findings:
        if many[alike(finding)] <= MANY:
            yield finding
        elif alike(finding) not in shown:
            shown.add(alike(finding))
            skipped = finding.verdict == "skipped"
            yield replace(finding, subject=f"{many[alike(finding)]} {'skipped' if skipped else 'checked'}",
                          text=finding.text if skipped else "all ok")
