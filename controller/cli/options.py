"""Options with one name, one variable and one default in every command that has them."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from controller.cli.failure import WrongInput

Command = Callable[..., Any]
FILE = click.Path(path_type=Path)
DEFAULT_POLICY = Path("policy.yaml")
DEFAULT_URL = "http://127.0.0.1:8080"

policy_option = click.option("--policy", "policy_path", type=FILE, default=DEFAULT_POLICY, show_default=True, metavar="FILE",
                             envvar="STOKER_POLICY", show_envvar=True, help="The policy file.")
url_option = click.option("--url", default=DEFAULT_URL, show_default=True, envvar="STOKER_URL", show_envvar=True,
                          help="URL of the daemon.")
token_file_option = click.option("--token-file", type=FILE, metavar="FILE", envvar="STOKER_TOKEN_FILE", show_envvar=True,
                                 help="File with the daemon's token; or set STOKER_TOKEN.")
state_dir_option = click.option("--state-dir", type=click.Path(path_type=Path, file_okay=False), default=Path("state"),
                                show_default=True, metavar="DIR", envvar="STOKER_STATE_DIR", show_envvar=True,
                                help="State folder of the daemon.")


def sandbox_options(function: Command) -> Command:
    """Add the hidden options for the addresses of an emulated cloud."""
    for option in (click.option("--sandbox-grpc", envvar="STOKER_SANDBOX_GRPC", hidden=True),
                   click.option("--sandbox-url", envvar="STOKER_SANDBOX_URL", hidden=True)):
        function = option(function)
    return function


def policy_argument(function: Command) -> Command:
    """Add POLICY and, for the same, --policy. The command gets `policy_path`."""
    @click.argument("named", metavar="[POLICY]", required=False, type=FILE)
    @policy_option
    @wraps(function)
    def with_policy(*, named: Path | None, policy_path: Path, **options: Any) -> Any:  # noqa: ANN401  (the command's own)
        check_named_once(named is not None)
        return function(policy_path=policy_path if named is None else named, **options)

    return with_policy


def check_named_once(named: bool) -> None:
    """Raise `WrongInput` if the command line has both POLICY (`named`) and --policy."""
    if named and is_explicit(click.get_current_context(), "policy_path"):
        raise WrongInput("POLICY and --policy name the policy twice: remove one of them")


def is_explicit(ctx: click.Context, parameter: str) -> bool:
    """Return whether the command line itself sets a parameter, rather than a variable or a default."""
    return ctx.get_parameter_source(parameter) is ParameterSource.COMMANDLINE
