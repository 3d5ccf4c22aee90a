"""Requests to a running daemon, and the options that say where it answers."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import click

from config.loading.web_address import fault_of
from controller.cli.failure import Failed, WrongInput
from controller.cli.options import Command, token_file_option, url_option
from controller.cli.output import output_option
from controller.cli.token import VARIABLE, read_token

TIMEOUT_SECONDS = 10.0


def daemon_options(function: Command) -> Command:
    """Add the options for the daemon's URL, its token and the form of the output."""
    return url_option(token_file_option(output_option(function)))


def fetch(url: str, path: str, timeout_seconds: float = TIMEOUT_SECONDS) -> dict[str, Any]:
    """Return the daemon's answer. Raise `Failed` or `WrongInput` with a one-line message."""
    def refusal(error: urllib.error.HTTPError) -> click.ClickException:
        return (WrongInput if error.code == 400 else Failed)(f"{url}: {text_of(error)}")

    return answer(url, urllib.request.Request(address(url, path)), urllib.request.build_opener(), timeout_seconds, refusal)  # noqa: S310


def send(method: str, pool: str, options: Mapping[str, Any], body: bytes | None, tail: str = "/overrides") -> dict[str, Any]:
    """Send a request about a pool and return the answer. Raise as `send_to` does."""
    return send_to(method, f"/v1/pools/{urllib.parse.quote(pool, safe='')}{tail}", options, body)


def send_to(method: str, path: str, options: Mapping[str, Any], body: bytes | None,
            timeout_seconds: float = TIMEOUT_SECONDS, wrong: Collection[int] = (400,)) -> dict[str, Any]:
    """Send a request and return the answer. Raise `WrongInput` for the statuses `wrong`, else `Failed`, with its text."""
    url, token = options["url"], read_token(options["token_file"])
    headers = {"Content-Type": "application/json"} | ({} if token is None else {"Authorization": f"Bearer {token}"})
    request = urllib.request.Request(address(url, path), body, headers, method=method)  # noqa: S310  (scheme checked)
    opener = urllib.request.build_opener(NoRedirect)
    return answer(url, request, opener, timeout_seconds, lambda error: refused(url, error, token is not None, wrong))


def address(url: str, path: str) -> str:
    """Return the URL of `path` at the daemon. Raise `WrongInput` when `url` is none that can be called."""
    if (fault := fault_of(url)) is not None:
        raise WrongInput(f"--url {url} {fault}: give http://HOST:PORT")
    return url.rstrip("/") + path


def answer(url: str, request: urllib.request.Request, opener: urllib.request.OpenerDirector, timeout_seconds: float,
           refusal: Callable[[urllib.error.HTTPError], click.ClickException]) -> dict[str, Any]:
    """Return the JSON object that the daemon answers. Raise what `refusal` makes of an error status, else `Failed`."""
    try:
        with opener.open(request, timeout=timeout_seconds) as response:
            body = json.load(response)
    except urllib.error.HTTPError as error:
        with error:  # an answer that is not closed is a warning from Python 3.14 on
            raise refusal(error) from error
    except (OSError, ValueError) as error:
        why = getattr(error, "reason", error)
        raise Failed(f"{url} does not answer ({why}): check that `stoker run` is running there, or give another --url") from error
    if not isinstance(body, dict):
        raise Failed(f"{url} is not a Stoker daemon: its answer is not a JSON object")
    return body


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect handler that follows no redirect, so that the token reaches only the named URL."""

    def redirect_request(self, *_: object) -> None:
        """Return None: do not follow the redirect."""


def refused(url: str, error: urllib.error.HTTPError, token_sent: bool, wrong: Collection[int]) -> click.ClickException:
    """Return the exception for an error answer of the daemon."""
    text = text_of(error)
    if error.code in wrong:
        return WrongInput(text)
    if error.code == 401 and not token_sent:
        text += f": set {VARIABLE}, or give --token-file"
    return Failed(f"{url}: {text}")


def text_of(error: urllib.error.HTTPError) -> str:
    """Return the message of an error answer, or its status."""
    try:
        return str(json.load(error)["error"])
    except (ValueError, KeyError, TypeError):
        return f"answered {error.code}"


def daemon_on(state_dir: Path) -> str | None:
    """Return the URL of the daemon that has the store open; None without one, or when its URL is unknown."""
    from controller.store.sqlite_file import in_use
    from controller.store.state_dir import STORE_NAME, URL_NAME

    if not in_use(state_dir / STORE_NAME):
        return None
    try:
        return (state_dir / URL_NAME).read_text().strip() or None
    except OSError:
        return None
