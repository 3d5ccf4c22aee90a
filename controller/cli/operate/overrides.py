"""`stoker pause`, `pin`, `boost`, `prewarm`, `unpause` and `clear`: overrides of a running daemon's pools."""

import getpass
import json
import re
from collections.abc import Mapping
from typing import Any

import click

from controller.cli.completion_names import pool_names
from controller.cli.daemon_client import daemon_options, send
from controller.cli.failure import WrongInput
from controller.cli.formatting import line_with_effect, override_line
from controller.cli.options import Command
from controller.cli.output import emit, is_data


def override_options(function: Command) -> Command:
    """Add the options for the end, the reason and the author of an override."""
    for option in (
        click.option("--by", default=None, metavar="NAME", help="Author of the override.  [default: the current user]"),
        click.option("--reason", required=True, metavar="TEXT", help="Reason, recorded with the override."),
        click.option("--until", default=None, metavar="TIME", help="End time: ISO 8601 with a zone, 2026-03-02T18:00:00Z."),
        click.option("--for", "span", default=None, metavar="SPAN", help="Duration instead of --until: 30m, 2h, 1d; at most 7d."),
    ):
        function = option(function)
    return daemon_options(function)


@click.command()
@click.argument("pool", shell_complete=pool_names)
@override_options
def pause(pool: str, **options: Any) -> None:  # noqa: ANN401  (the options of the decorators)
    """Keep the warm capacity of POOL unchanged until a given time, from now on.

    \b
    Example:
      stoker pause chat --for 2h --reason "load test"
    """  # noqa: D301  (click reads the control character)
    set_override(pool, {"kind": "pause"}, options)


@click.command()
@click.argument("pool", shell_complete=pool_names)
@click.argument("units", type=click.IntRange(min=0))
@override_options
def pin(pool: str, units: int, **options: Any) -> None:  # noqa: ANN401  (the options of the decorators)
    """Set POOL to UNITS warm units until a given time, regardless of the forecast and also while metrics are missing.

    Takes effect at once; the output says what limits it. Scale-in delays and step limits do not apply. Floor, ceiling, budget
    and quota still apply.

    \b
    Example:
      stoker pin chat 12 --until 2026-03-02T18:00:00Z --reason "product launch"
    """  # noqa: D301
    set_override(pool, {"kind": "pin", "units": units}, options)


@click.command()
@click.argument("pool", shell_complete=pool_names)
@click.argument("amount")
@override_options
def boost(pool: str, amount: str, **options: Any) -> None:  # noqa: ANN401  (the options of the decorators)
    """Raise the proposed target of POOL by AMOUNT until a given time: +5 adds 5 units, x1.5 multiplies by 1.5.

    Takes effect at once; the output says what limits it. All limits of the policy apply. While metrics are missing there is no
    proposal to raise; use `stoker pin` instead.

    \b
    Examples:
      stoker boost chat +5 --for 90m --reason "newsletter goes out"
      stoker boost chat x2 --for 1d --reason "sale"
    """  # noqa: D301
    set_override(pool, {"kind": "boost", **amount_of(amount)}, options)


def amount_of(text: str) -> dict[str, int | float]:
    """Parse AMOUNT into units or a factor. Raise `WrongInput` when it is neither."""
    if re.fullmatch(r"\+\d{1,7}", text, re.ASCII):
        return {"units": int(text)}
    if re.fullmatch(r"x\d{1,3}(\.\d{1,6})?", text, re.ASCII):
        return {"factor": float(text[1:])}
    raise WrongInput(f"AMOUNT: {text!r} is neither units to add, such as +5, nor a factor, such as x1.5")


@click.command()
@click.argument("pool", shell_complete=pool_names)
@click.argument("units", type=click.IntRange(min=1))
@click.option("--for", "span", required=True, metavar="SPAN", help="Duration, such as 10m or 1h.")
@click.option("--reason", required=True, metavar="TEXT", help="Reason, recorded with the override.")
@click.option("--by", default=None, metavar="NAME", help="Requester, recorded with the override.  [default: an application]")
@daemon_options
def prewarm(pool: str, units: int, span: str, reason: str, by: str | None, **options: Any) -> None:  # noqa: ANN401
    """Keep at least UNITS of POOL warm for a given time, for expected users. Applications do the same over HTTP.

    The policy's `prewarm` limits units, duration and frequency; ceiling and budget apply too. The output shows the granted units.

    \b
    Example:
      stoker prewarm chat 5 --for 10m --reason "webinar ends"
    """  # noqa: D301
    request = {"units": units, "for": span, "reason": reason} | ({} if by is None else {"by": by})
    answer = send("POST", pool, options, json.dumps(request).encode(), "/prewarm")
    if is_data(options["form"]):
        emit("prewarm", answer, options["form"])
        return
    limited = f", limited by {', '.join(answer['limited_by'])}" if answer["limited_by"] else ""
    cost = "" if answer["bill_usd"] is None else f", estimated bill {answer['bill_usd']:.4f} USD"
    click.echo(f"{pool}: {answer['granted']} of {units} granted{limited}{cost}; takes effect {answer['takes_effect']}")
    if answer["set"] is not None:
        click.echo(f"{pool}: {override_line(answer['set'])}; expected ready at {answer['ready_at'][11:16]} UTC")
        click.echo(f"{pool}: {answer['set']['effect']}")


@click.command()
@click.argument("pool", shell_complete=pool_names)
@daemon_options
def unpause(pool: str, **options: Any) -> None:  # noqa: ANN401  (the options of the decorators)
    """End the pause of POOL early and plan the pool at once; a pin and a boost stay.

    \b
    Example:
      stoker unpause chat
    """  # noqa: D301  (click reads the control character)
    end_overrides(pool, "pause", options)


@click.command()
@click.argument("pool", shell_complete=pool_names)
@click.option("--only", type=click.Choice(["pause", "pin", "boost"]), default=None,
              help="End only this override; the others stay.")
@daemon_options
def clear(pool: str, only: str | None, **options: Any) -> None:  # noqa: ANN401  (the options of the decorators)
    """End the pause, the pin and the boost of POOL early, and plan the pool at once.

    \b
    Example:
      stoker clear chat --only pin
    """  # noqa: D301  (click reads the control character)
    end_overrides(pool, only, options)


def set_override(pool: str, what: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Send an override and print the outcome."""
    until, span = options["until"], options["span"]
    if (until is None) == (span is None):
        raise WrongInput("give exactly one of --for SPAN and --until TIME")
    body = {**what, "by": options["by"] or user(), "reason": options["reason"]}
    body |= {"for": span} if until is None else {"until": until}
    answer = send("POST", pool, options, json.dumps(body).encode())
    if is_data(options["form"]):
        emit("override", answer, options["form"])
        return
    override = answer["set"]
    click.echo(f"{pool}: {override_line(override)}; takes effect {answer['takes_effect']}")
    click.echo(f"{pool}: {override['effect']}")
    for other in answer["overrides"]:
        if other["kind"] != override["kind"]:
            click.echo(f"{pool}: also {line_with_effect(other)}")


def end_overrides(pool: str, kind: str | None, options: Mapping[str, Any]) -> None:
    """End overrides of a pool and print them."""
    answer = send("DELETE", pool, options, None, "/overrides" if kind is None else f"/overrides?kind={kind}")
    if is_data(options["form"]):
        emit("ended-overrides", answer, options["form"])
        return
    for ended in answer["cleared"]:
        click.echo(f"{pool}: ended {override_line(ended)}; takes effect {answer['takes_effect']}")
    if not answer["cleared"]:
        click.echo(f"{pool}: no {'override' if kind is None else kind} is active")


def user() -> str:
    """Return the current user's name. Raise `WrongInput` when the system has none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        raise WrongInput("--by is required: the system has no name for the current user") from None
