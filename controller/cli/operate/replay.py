"""`stoker replay`: recomputation of a recorded plan."""

import json
from difflib import unified_diff
from pathlib import Path

import click

from controller.cli.failure import Failed, WrongInput
from controller.cli.output import Form, emit, is_data, output_option

MOST_CHARACTERS = 8 << 20
"""A record is usually a few kB, and at most a few hundred kB."""


@click.command()
@click.argument("record", type=click.Path(path_type=Path, allow_dash=True))
@output_option
@click.pass_context
def command(ctx: click.Context, record: Path, form: Form) -> None:
    """Recompute a recorded plan and compare both byte for byte. Calls no provider.

    RECORD is the output of `stoker why POOL -o json`, or an item of /v1/decisions; - is standard input. Exit code 0 when the
    plans are equal; 1, with a diff, when this version of Stoker decides differently.

    \b
    Example:
      stoker why chat -o json | stoker replay -
    """  # noqa: D301
    from controller.decision.planning.record.decision_record import RecordNotReplayable, replayed

    try:
        recorded, repeated = replayed(read_record(record))
    except RecordNotReplayable as error:
        raise WrongInput(f"{record}: {error}") from error
    same = recorded == repeated
    if is_data(form):
        emit("replay", {"same": same, "recorded": json.loads(recorded), "replayed": json.loads(repeated)}, form)
        ctx.exit(0 if same else 1)
    if not same:
        click.echo("\n".join(unified_diff(recorded.splitlines(), repeated.splitlines(), "recorded", "replayed", lineterm="")))
        raise Failed(f"{record}: this version of Stoker computes a different plan from this record")
    plan = json.loads(recorded)
    click.echo(f"the plans are equal: {plan['action']} {plan['target']}")


def read_record(path: Path) -> dict[str, object]:
    """Read a record from a file; accept it alone or as the `record` field of an API answer."""
    try:
        with click.open_file(str(path)) as file:
            text = file.read(MOST_CHARACTERS + 1)
        if len(text) > MOST_CHARACTERS:
            raise WrongInput(f"{path}: larger than {MOST_CHARACTERS >> 20} MB, the maximum size of a record")
        body = json.loads(text)
    except OSError as error:
        raise WrongInput(f"{path}: cannot be read ({error.strerror}): give a file with the output of `stoker why POOL -o json`") \
            from error
    except (ValueError, RecursionError) as error:
        raise WrongInput(f"{path}: invalid JSON; expected the output of `stoker why POOL -o json`") from error
    if isinstance(body, dict) and isinstance(body.get("record"), dict):
        body = body["record"]
    if not isinstance(body, dict):
        raise WrongInput(f"{path}: not a JSON object; expected the output of `stoker why POOL -o json`")
    return body
