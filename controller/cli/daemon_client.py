"""Requests to a running daemon, and the options that say where it answers."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from config.loading.web_address import fault_of
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


def fetch(url: str, path: str, timeout_seconds: float = TIMEOUT_SECONDS) -> dict[str, Any]:
    """Return the daemon's answer. Raise `Failed` or `WrongInput` with a one-line message."""
    if (fault := fault_of(url)) is not None:
        raise WrongInput(f"--url {url} {fault}: give http://HOST:PORT")
    try:
        with urllib.request.urlopen(url.rstrip("/") + path, timeout=timeout_seconds) as answer:  # noqa: S310  (scheme checked)
            body = json.load(answer)
    except urllib.error.HTTPError as error:
        try:
            text = json.load(error)["error"]
        except (ValueError, KeyError, TypeError):
            text = f"answered {error.code}"
        raise (WrongInput if error.code == 400 else Failed)(f"{url}: {text}") from error
    except (OSError, ValueError) as error:
        why = getattr(error, "reason", error)
        raise Failed(f"{url} does not answer ({why}): check that `stoker run` is running there, or give another --url") from error
    if not isinstance(body, dict):
        raise Failed(f"{url} is not a Stoker daemon: its answer is not a JSON object")
    return body


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
