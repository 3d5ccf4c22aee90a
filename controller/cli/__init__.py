"""The `stoker` command. A command's module is imported only when it is called, so that none waits for another's libraries."""

import errno
import os
import re
import sys
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

COMMANDS = {
    "run": "Watch the pools of a policy and keep them warm, until stopped.",
    "release": "Leave pools as on_exit says, without a daemon.",
    "discover": "Draft a policy from the functions and services that there are.",
    "plan": "Show what would be done now, and why; nothing is changed.",
    "validate": "Check a policy file; every problem is named with its line.",
    "doctor": "Look into credentials, permissions, clocks, quotas and state before they matter.",
    "iam": "Print the least that AWS or Google Cloud must allow for a policy.",
    "notify-test": "Send a message to each sink of a policy, to see whether it arrives.",
    "schema": "Print the JSON Schema of policy files, for editors.",
    "status": "Ask a running daemon what is warm now, and what is coming.",
    "why": "Tell why a pool has the capacity it has, now or at a time.",
    "replay": "Make a recorded plan again and compare, byte for byte.",
    "pause": "Hold a pool's warm capacity as it is, for a while.",
    "pin": "Keep a pool at so many warm units, for a while.",
    "boost": "Keep more of a pool warm than is proposed, for a while.",
    "prewarm": "Keep units of a pool warm for users that are coming.",
    "unpause": "End a pause before its time.",
    "clear": "End a pool's pause, pin and boost before their time.",
    "backtest": "Replay recorded traffic: what it would have cost, and who would have waited.",
    "history": "Write the last fortnight of pools to files that a backtest reads.",
    "history import": "Bring recorded traffic of other programs into that form.",
    "forecast": "Show history and forecast of one pool.",
    "demo": "See it work within a minute, on an embedded cloud.",
    "sandbox": "Run an emulated account to practise on.",
    "completion": "Print what completes commands, options and pools in a shell.",
}


UNWRITTEN = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


class LazyGroup(click.Group):
    """A group that knows its commands by name and line, and imports each when it is wanted."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return [name for name in COMMANDS if " " not in name]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"controller.cli.{re.sub('[- ]', '_', cmd_name)}")
        command: click.Command = module.command
        return command

    def main(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  (click's signature)
        """As click does; output that cannot be written is told in a line, too."""
        try:
            return super().main(*args, **kwargs)
        except OSError as error:
            if error.errno not in UNWRITTEN or error.filename is not None:
                raise
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left in the buffer fails no more
            click.echo(f"Error: standard output cannot be written ({error.strerror})", err=True)
            sys.exit(1)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with commands of two words, and with the command that was probably meant."""
        two = " ".join(args[:2])
        if two in COMMANDS and len(args) > 1:
            return two, self.get_command(ctx, two), args[2:]
        meant = get_close_matches(args[0], COMMANDS, n=1)
        if args[0] not in COMMANDS and meant:
            raise click.UsageError(f"No such command {args[0]!r}. Did you mean {meant[0]!r}?", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="stoker", prog_name="stoker")
def main() -> None:
    """Keeps serverless AI agents warm ahead of their traffic, at the least total cost.

    \b
    See it work, without an account:      stoker demo
    See what it would have done for you:  stoker backtest --policy policy.yaml --history POOL=FILE.csv
    See what it would do now:             stoker plan --policy policy.yaml
    Let it watch, then let it act:        stoker run --policy policy.yaml
    """  # noqa: D301  (click reads the control character)
