"""Shared parts of the override commands: options, the request to the daemon, and the text of its answer."""

import getpass
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from config.web_address import fault_of
from controller.cli.failure import Failed, WrongInput
from controller.cli.token import VARIABLE, read_token

TIMEOUT_SECONDS = 10.0
Command = Callable[..., None]


def daemon_options(function: Command) -> Command:
    """Add the options for the daemon's URL, its token and JSON output."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print the daemon's JSON answer unchanged."),
        click.option("--token-file", type=click.Path(path_type=Path), envvar="STOKER_TOKEN_FILE",
                     help="File with the daemon's token; or set STOKER_TOKEN."),
        click.option("--url", default="http://127.0.0.1:8080", show_default=True, envvar="STOKER_URL",
                     help="URL of the daemon."),
    ):
        function = option(function)
    return function


def order_options(function: Command) -> Command:
    """Add the options for the end, the reason and the author of an override."""
    for option in (
        click.option("--by", default=None, metavar="NAME", help="Author of the override.  [default: the current user]"),
        click.option("--reason", required=True, metavar="TEXT", help="Reason, recorded with the override."),
        click.option("--until", default=None, metavar="TIME", help="End time: ISO 8601 with a zone, 2026-03-02T18:00:00Z."),
        click.option("--for", "span", default=None, metavar="SPAN", help="Duration instead of --until: 30m, 2h, 1d; at most 7d."),
    ):
        function = option(function)
    return daemon_options(function)


def order(pool: str, what: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Send an override and print the outcome."""
    until, span = options["until"], options["span"]
    if (until is None) == (span is None):
        raise WrongInput("give exactly one of --for SPAN and --until TIME")
    body = {**what, "by": options["by"] or user(), "reason": options["reason"]}
    body |= {"for": span} if until is None else {"until": until}
    answer = send("POST", pool, options, json.dumps(body).encode())
    if options["as_json"]:
        click.echo(json.dumps(answer, indent=2))
        return
    taken = answer["set"]
    click.echo(f"{pool}: {line(taken)}; {answer['takes_effect']}")
    for other in answer["overrides"]:
        if other["kind"] != taken["kind"]:
            click.echo(f"{pool}: also {line(other)}")


def end(pool: str, kind: str | None, options: Mapping[str, Any]) -> None:
    """End overrides of a pool and print them."""
    answer = send("DELETE", pool, options, None, "/overrides" if kind is None else f"/overrides?kind={kind}")
    if options["as_json"]:
        click.echo(json.dumps(answer, indent=2))
        return
    for ended in answer["cleared"]:
        click.echo(f"{pool}: ended {line(ended)}; {answer['takes_effect']}")
    if not answer["cleared"]:
        click.echo(f"{pool}: no {'override' if kind is None else kind} is active")


def send(method: str, pool: str, options: Mapping[str, Any], body: bytes | None, tail: str = "/overrides") -> dict[str, Any]:
    """Send a request and return the answer. Raise `WrongInput` for status 400, else `Failed`, with a one-line message."""
    url, token = options["url"], read_token(options["token_file"])
    if (fault := fault_of(url)) is not None:
        raise WrongInput(f"--url {url} {fault}: give http://HOST:PORT")
    headers = {"Content-Type": "application/json"} | ({} if token is None else {"Authorization": f"Bearer {token}"})
    address = f"{url.rstrip('/')}/v1/pools/{urllib.parse.quote(pool, safe='')}{tail}"
    request = urllib.request.Request(address, body, headers, method=method)  # noqa: S310  (scheme checked)
    try:
        with urllib.request.build_opener(NoRedirect).open(request, timeout=TIMEOUT_SECONDS) as answer:
            told = json.load(answer)
    except urllib.error.HTTPError as error:
        raise refused(url, error, token is not None) from error
    except (OSError, ValueError) as error:
        why = getattr(error, "reason", error)
        raise Failed(f"{url} does not answer ({why}): check that `stoker run` is running there, or give another --url") from error
    if not isinstance(told, dict):
        raise Failed(f"{url} is not a Stoker daemon: its answer is not a JSON object")
    return told


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect handler that follows no redirect, so that the token reaches only the named URL."""

    def redirect_request(self, *_: object) -> None:
        """Return None: do not follow the redirect."""


def refused(url: str, error: urllib.error.HTTPError, token_sent: bool) -> click.ClickException:
    """Return the exception for an error answer of the daemon."""
    try:
        text = str(json.load(error)["error"])
    except (ValueError, KeyError, TypeError):
        text = f"answered {error.code}"
    if error.code == 400:
        return WrongInput(text)
    if error.code == 401 and not token_sent:
        text += f": set {VARIABLE}, or give --token-file"
    return Failed(f"{url}: {text}")


def line(shown: Mapping[str, Any]) -> str:
    """Return an override as one line."""
    return f"{shown['order']} until {shown['until'][:16].replace('T', ' ')} UTC by {shown['by']} ({shown['reason']})"


def user() -> str:
    """Return the current user's name. Raise `WrongInput` when the system has none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        raise WrongInput("--by is required: the system has no name for the current user") from None
