"""`stoker init`: a first policy from three answers."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from controller.cli.failure import Failed, WrongInput
from controller.cli.options import policy_argument
from controller.cli.verbosity import note

Answer = TypeVar("Answer")
PROVIDERS = ("aws", "google")


@click.command()
@policy_argument
@click.option("--provider", type=click.Choice(PROVIDERS), help="Where the agent runs: AWS Lambda or Google Cloud Run.")
@click.option("--name", metavar="NAME", help="FUNCTION:ALIAS or an ARN on AWS; PROJECT/LOCATION/SERVICE on Google Cloud.")
@click.option("--cold-start-cost", metavar="USD|TIER", help="What one cold start costs you in USD; or background (0.005), "
              "interactive (0.05) or critical (0.5).")
def command(policy_path: Path, provider: str | None, name: str | None, cold_start_cost: str | None) -> None:
    """Write a first policy to POLICY: one pool in shadow mode, with comments. Asks for what the options do not give.

    Calls no provider and overwrites no file. `stoker discover` drafts a policy for all functions of an account instead.

    \b
    Examples:
      stoker init
      stoker init --provider aws --name support-agent:live --cold-start-cost interactive
      stoker init agents.yaml --provider google --name acme/europe-west1/chat --cold-start-cost 0.02
    """  # noqa: D301  (click reads the control character)
    from controller.preflight.first_policy import LEVERS, cost_of, first_policy

    if policy_path.exists():
        raise WrongInput(f"{policy_path} already exists: give another name, as in `stoker init other.yaml`")
    missing = [option for option, value in (("--provider", provider), ("--name", name), ("--cold-start-cost", cold_start_cost))
               if value is None]
    if missing and not sys.stdin.isatty():
        raise WrongInput(f"without a terminal, no question can be asked: add {', '.join(missing)}")
    chosen = provider or click.prompt("Where does the agent run?", type=click.Choice(PROVIDERS))
    what = "Lambda function (FUNCTION:ALIAS or ARN)" if chosen == "aws" else "Cloud Run service (PROJECT/LOCATION/SERVICE)"
    lever = answer("--name", name, what, lambda text: LEVERS[chosen](text, os.environ))
    cost = answer("--cold-start-cost", cold_start_cost, "What does one cold start cost you? USD, or background, interactive, "
                  "critical", cost_of, "interactive")
    write_new(policy_path, first_policy(lever, cost))
    note(f"{policy_path}: 1 pool in shadow mode; next: stoker doctor {policy_path}")


def answer(option: str, given: str | None, question: str, parsed: Callable[[str], Answer], default: str | None = None) -> Answer:
    """Return the value of an option, or of the answer to its question, which is asked until it is valid. Raise `WrongInput`."""
    def checked(text: str) -> Answer:
        try:
            return parsed(text)
        except ValueError as error:
            raise click.UsageError(str(error)) from None

    if given is None:
        value: Answer = click.prompt(question, default=default, value_proc=checked)
        return value
    try:
        return parsed(given)
    except ValueError as error:
        raise WrongInput(f"{option}: {error}") from None


def write_new(path: Path, text: str) -> None:
    """Check a policy and write it to a new file. Raise `WrongInput` with its problems or if the file exists."""
    from adapters.kinds import policy_kinds
    from config.loading.loader import PolicyError, parse_policy

    try:
        parse_policy(text, policy_kinds(), str(path))
        with path.open("x") as file:
            file.write(text)
    except PolicyError as error:
        raise WrongInput("\n".join(problem.message for problem in error.problems)) from None
    except FileExistsError:
        raise WrongInput(f"{path} already exists: give another name") from None
    except OSError as error:
        raise Failed(f"{path}: cannot be written ({error.strerror}): give another name") from None
