"""The `stoker` command. Imports a command's module only when the command is called, which keeps start-up fast."""

import errno
import os
import sys
from importlib import import_module
from typing import Any, NamedTuple

import click

from controller.cli.failure import INTERRUPTED, print_error, usage_text
from controller.cli.verbosity import OPTIONS


class Entry(NamedTuple):
    """A command: its module below `controller.cli`, and its line in the help. `attribute`: the module's name for it."""

    module: str
    line: str
    attribute: str = "command"


COMMANDS: dict[str, Entry] = {
    "run": Entry("operate.run", "Run the daemon: plan every minute; write only to pools in active mode."),
    "reload": Entry("operate.reload", "Make a running daemon read its policy file again."),
    "release": Entry("operate.release", "Apply on_exit when no daemon runs."),
    "init": Entry("setup.init", "Write a first policy from three answers."),
    "discover": Entry("setup.discover", "Draft a policy from the functions and services in an account."),
    "plan": Entry("setup.plan", "Show what Stoker would change now, and why. Read-only."),
    "validate": Entry("setup.validate", "Check policy files and report every problem with its line."),
    "pools": Entry("setup.pools", "List the pools of a policy, also those that its select entries add."),
    "diff": Entry("setup.diff", "Show the difference between two policy files, pool by pool."),
    "doctor": Entry("setup.doctor", "Check credentials, permissions, clocks, quotas and state for a policy."),
    "iam": Entry("setup.iam", "Print the minimum permissions that a policy needs on AWS or Google Cloud."),
    "notify-test": Entry("operate.notify_test", "Send a test message to each sink of a policy."),
    "schema": Entry("setup.schema", "Print the JSON Schema of policy files, for editors."),
    "status": Entry("operate.status", "Show capacity and targets of all pools of a running daemon."),
    "why": Entry("operate.why", "Explain a pool's current or past target."),
    "decisions": Entry("operate.decisions", "Show the decision log of a pool or of all pools."),
    "replay": Entry("operate.replay", "Recompute a recorded plan and compare it with the record."),
    "pause": Entry("operate.overrides", "Keep a pool's warm capacity unchanged until a given time.", "pause"),
    "pin": Entry("operate.overrides", "Set a pool to a fixed number of warm units until a given time.", "pin"),
    "boost": Entry("operate.overrides", "Raise a pool's proposed target until a given time.", "boost"),
    "prewarm": Entry("operate.overrides", "Warm units of a pool for expected users.", "prewarm"),
    "unpause": Entry("operate.overrides", "End a pool's pause early.", "unpause"),
    "clear": Entry("operate.overrides", "End a pool's pause, pin and boost early.", "clear"),
    "backtest": Entry("evaluate.backtest", "Replay recorded traffic and report the bill and cold starts."),
    "tune": Entry("evaluate.tune", "Choose a pool's cold-start cost from a limit on cold starts or on the bill."),
    "history": Entry("history.history", "Export the last 14 days of pools to files for a backtest."),
    "history export": Entry("history.history_export", "Export demand of pools as Parquet or CSV, also from a daemon's store."),
    "history import": Entry("history.history_import", "Convert recorded traffic of other programs to history files."),
    "report": Entry("evaluate.report", "Report the past days, and whether pools are ready for active mode."),
    "forecast": Entry("evaluate.forecast", "Show history and forecast of one pool."),
    "demo": Entry("evaluate.demo", "Run a demo of 2 min against an emulated cloud."),
    "sandbox": Entry("evaluate.sandbox", "Run an emulated AWS account for practice."),
    "completion": Entry("operate.completion", "Print a shell completion script."),
}


SECTIONS = {"Set up": ("setup",), "Run and operate": ("operate",), "Evaluate and practise": ("history", "evaluate")}
"""Headings of the help, and the packages of their commands."""

UNWRITTEN = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


class LazyGroup(click.Group):
    """A command group that lists names and one-line descriptions, and imports a command's module on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of commands of one word, in the order of the help."""
        return [name for name in COMMANDS if " " not in name]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return a command, with the options that every command has; None if it does not exist."""
        if cmd_name not in COMMANDS:
            return None
        entry = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"controller.cli.{entry.module}"), entry.attribute)
        if OPTIONS[0] not in command.params:
            command.params.extend(OPTIONS)
        return command

    def main(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  (click's signature)
        """Run the command and exit with the code of docs/cli.md; print an error as one message that starts with `stoker: `."""
        try:
            code = super().main(*args, **{**kwargs, "standalone_mode": False})
        except click.UsageError as error:
            print_error(usage_text(error))
            code = error.exit_code
        except click.ClickException as error:
            print_error(error.format_message())
            code = error.exit_code
        except click.Abort as abort:
            print_error("interrupted" if isinstance(abort.__cause__, KeyboardInterrupt) else "not confirmed; nothing was changed")
            code = INTERRUPTED if isinstance(abort.__cause__, KeyboardInterrupt) else 1
        except OSError as error:
            if error.errno not in UNWRITTEN or error.filename is not None:
                raise
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # flushing the rest of the buffer must not fail again
            print_error(f"standard output cannot be written ({error.strerror}): free space, or send it elsewhere")
            code = 1
        sys.exit(code)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve a command as click does; accept commands of two words, and suggest the closest name for a wrong one."""
        two = " ".join(args[:2])
        if two in COMMANDS and len(args) > 1:
            return two, self.get_command(ctx, two), args[2:]
        if args[0] not in COMMANDS:
            from difflib import get_close_matches  # its import takes as long as a quarter of `stoker --help`

            if closest := get_close_matches(args[0], COMMANDS, n=1):
                raise click.UsageError(f"No such command {args[0]!r}. Did you mean {closest[0]!r}?", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write all commands, including those of two words, by what they are for."""
        for heading, packages in SECTIONS.items():
            with formatter.section(heading):
                formatter.write_dl([(name, entry.line) for name, entry in COMMANDS.items()
                                    if entry.module.split(".")[0] in packages])


def print_version(context: click.Context, parameter: click.Parameter, value: bool) -> None:  # noqa: ARG001  (click's signature)
    """Print version and commit, and end the program, if the option was given."""
    if value and not context.resilient_parsing:
        click.echo(import_module("controller.cli.build").version_text())
        context.exit()


@click.group(name="stoker", cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=print_version,
              help="Show the version and the commit, and exit.")
def main() -> None:
    """Keep serverless AI agents warm ahead of their traffic, at the lowest total cost.

    \b
    Try it without an account:       stoker demo
    Test it on recorded traffic:     stoker backtest --history POOL=FILE.csv
    Show the changes it would make:  stoker plan
    Run it, in shadow mode first:    stoker run

    Commands that read a policy take it as `stoker COMMAND POLICY` or with --policy, else from STOKER_POLICY, else from
    ./policy.yaml. Commands that ask a daemon use STOKER_URL and STOKER_TOKEN_FILE.
    """  # noqa: D301  (click reads the control character)
