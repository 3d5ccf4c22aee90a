"""`stoker replay`: the same plan again, from its record."""

import json
from difflib import unified_diff
from pathlib import Path

import click

from controller.cli.failure import Failed, WrongInput

MOST_CHARACTERS = 8 << 20
"""A record of a plan takes some kilobytes; of a pool with everything about it, some hundred."""


@click.command()
@click.argument("record", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--json", "as_json", is_flag=True, help="Print JSON: whether it is the same, and both plans.")
@click.pass_context
def command(ctx: click.Context, record: Path, as_json: bool) -> None:
    """Make a recorded plan again and compare it, byte for byte. Nothing is called.

    RECORD is what `stoker why POOL --json` prints, or an item of /v1/decisions; - is standard input. Exit code 0 when the plan is
    the same, 1 with the difference when this version of Stoker decides otherwise.

    \b
    stoker why chat --json | stoker replay -
    """  # noqa: D301
    from controller.record import Unreplayable, replayed

    try:
        kept, again = replayed(read(record))
    except Unreplayable as error:
        raise WrongInput(f"{record}: {error}") from error
    same = kept == again
    if as_json:
        click.echo(json.dumps({"same": same, "recorded": json.loads(kept), "replayed": json.loads(again)}, indent=2))
        ctx.exit(0 if same else 1)
    if not same:
        click.echo("\n".join(unified_diff(kept.splitlines(), again.splitlines(), "recorded", "replayed", lineterm="")))
        raise Failed(f"{record}: another plan is made from the same record")
    plan = json.loads(kept)
    click.echo(f"the same plan, byte for byte: {plan['action']} {plan['target']}")


def read(path: Path) -> dict[str, object]:
    """The record in a file, within what the API wraps around it or not."""
    try:
        with click.open_file(str(path)) as file:
            text = file.read(MOST_CHARACTERS + 1)
        if len(text) > MOST_CHARACTERS:
            raise WrongInput(f"{path}: no record is larger than {MOST_CHARACTERS >> 20} MB")
        body = json.loads(text)
    except OSError as error:
        raise WrongInput(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise WrongInput(f"{path}: it is no JSON") from error
    if isinstance(body, dict) and isinstance(body.get("record"), dict):
        body = body["record"]
    if not isinstance(body, dict):
        raise WrongInput(f"{path}: a record is a JSON object, such as `stoker why POOL --json` prints")
    return body
