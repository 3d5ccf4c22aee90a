"""`stoker diff`: the difference between two policy files, pool by pool."""

from pathlib import Path

import click

from controller.cli.options import FILE
from controller.cli.output import Form, emit, is_data, output_option
from controller.cli.policy_file import read_policy


@click.command()
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
@output_option
def command(old: Path, new: Path, form: Form) -> None:
    """Show what changes from the policy OLD to the policy NEW: pools added, removed and changed, with both values of each key.

    Compares what the files mean: defaults are merged into each pool, and order and comments do not count. Calls no provider and
    changes nothing. Secrets are not printed.

    \b
    Example:
      stoker diff policy.yaml new.yaml
    """  # noqa: D301  (click reads the control character)
    from config.model.policy_diff import policy_diff
    from controller.redaction.policy_changes import diff_body, lines, summary_text

    diff = policy_diff(read_policy(old), read_policy(new))
    if is_data(form):
        emit("diff", diff_body(diff), form)
        return
    for line in lines(diff):
        click.echo(line)
    click.echo(summary_text(diff) if diff else "no difference")
    if keys := diff.restart_keys:
        click.echo(f"needs a restart: {', '.join(keys)}")
