"""`stoker doctor`: what stands in the way of a policy, before it is relied on."""

import asyncio
import json
import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.cli.policy_file import read_policy

if TYPE_CHECKING:
    from adapters.findings import Finding
    from config.policy import Policy

MANY = 8
"""So many good findings of one kind are told in one line."""


@click.command()
@click.argument("policy_path", metavar="POLICY", type=click.Path(path_type=Path))
@click.option("--state-dir", type=click.Path(path_type=Path), default=Path("state"), show_default=True,
              envvar="STOKER_STATE_DIR", help="Where the daemon keeps, or will keep, its state.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: every finding.")
@click.option("--sandbox-url", envvar="STOKER_SANDBOX_URL", hidden=True)
@click.option("--sandbox-grpc", envvar="STOKER_SANDBOX_GRPC", hidden=True)
@click.pass_context
def command(ctx: click.Context, policy_path: Path, state_dir: Path, as_json: bool, sandbox_url: str | None,
            sandbox_grpc: str | None) -> None:
    """Look into everything that POLICY needs, and say what to do where something is amiss. Nothing is changed.

    Credentials, each permission, the clock against the provider's, how old each pool's metrics are, quotas, the state folder, its
    disk, other daemons, time zones. What could only be tried by writing is said to be unchecked. Exit code 1 when anything fails.

    \b
    Examples:
      stoker doctor policy.yaml
      stoker doctor policy.yaml --json | jq '.findings[] | select(.verdict == "fail")'
    """  # noqa: D301  (click reads the control character)
    policy = read_policy(policy_path)
    with telling() as progress:
        findings = asyncio.run(examined(policy, state_dir, sandbox_url, sandbox_grpc, progress))
    failed = any(finding.verdict == "fail" for finding in findings)
    if as_json:
        click.echo(json.dumps({"ok": not failed, "findings": [asdict(finding) for finding in findings]}, indent=2))
    else:
        show(findings)
    ctx.exit(1 if failed else 0)


async def examined(policy: "Policy", state_dir: Path, sandbox_url: str | None, sandbox_grpc: str | None,
                   progress: Callable[[Sequence[str]], None]) -> "list[Finding]":
    """What is found, with every text cleared of secrets."""
    from dataclasses import replace

    from numpy.random import PCG64, Generator

    from adapters.clock import SystemClock
    from adapters.registry import Registry, grants
    from controller import logs
    from controller.doctor import examine
    from controller.redact import redact_text

    clock = SystemClock()
    logs.configure(clock, "console", least=logging.WARNING)
    registry = Registry(clock, Generator(PCG64()), sandbox_url=sandbox_url, sandbox_grpc=sandbox_grpc)
    try:
        found = await examine(policy, registry, grants(policy), clock, state_dir, progress)
    finally:
        await registry.close()
    return [replace(finding, text=redact_text(finding.text)) for finding in found]


@contextmanager
def telling() -> Iterator[Callable[[Sequence[str]], None]]:
    """Shows on a terminal what is still waited for; elsewhere says nothing."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True).status("looking ...") as status:
        yield lambda waiting: status.update(f"{len(waiting)} to go: {', '.join(waiting[:3])}".replace("[", r"\["))


def show(findings: "Sequence[Finding]") -> None:
    """A line for each finding, with its remedy below; good ones of a kind together where they are many."""
    from rich.console import Console
    from rich.table import Table

    colours = {"ok": "green", "unchecked": "dim", "warn": "yellow", "fail": "bold red"}
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    for finding in together(findings):
        text = f"{finding.subject}: {finding.text}"
        if finding.remedy and finding.verdict != "ok":
            text += f"\n-> {finding.remedy}"
        table.add_row(f"[{colours[finding.verdict]}]{finding.verdict.value}[/]", finding.check, text.replace("[", r"\["))
    console = Console(highlight=False)
    console.print(table)
    counts = Counter(finding.verdict.value for finding in findings)
    console.print("\n" + ", ".join(f"{counts[verdict]} {verdict}" for verdict in ("fail", "warn", "unchecked", "ok")))


def together(findings: "Sequence[Finding]") -> "Iterator[Finding]":
    """The findings, but for one line in place of many good ones of the same kind."""
    from dataclasses import replace

    good = Counter(finding.check for finding in findings if finding.verdict == "ok")
    told: set[str] = set()
    for finding in findings:
        if finding.verdict != "ok" or good[finding.check] <= MANY:
            yield finding
        elif finding.check not in told:
            told.add(finding.check)
            yield replace(finding, subject=f"{good[finding.check]} of them", text="all well")
