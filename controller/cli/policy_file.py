"""Policy loading for commands: reports every problem with its line, before the command does anything else."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.cli.failure import WrongInput
from controller.cli.formatting import use_display
from controller.redaction.process_secrets import in_environment, named_in, register_secrets, texts_in

if TYPE_CHECKING:
    from config.model.policy import Policy, PoolPolicy


def read_policy(path: Path) -> "Policy":
    """Return the policy at `path`. Raise `WrongInput` with one line per problem."""
    from config.loading.problem import PolicyError

    check_exists(path)
    try:
        policy = load_known(path)
    except PolicyError as error:
        raise WrongInput(str(error)) from error
    context = click.get_current_context(silent=True)  # none while a shell completes a line
    if context is not None and context.params.get("form") in ("table", "wide"):  # data stay in USD and UTC
        use_display(policy.display.shown)
    return policy


def load_known(path: Path) -> "Policy":
    """Return the policy at `path`, and remove the secrets that it names from all texts of this process. Raise `PolicyError`."""
    from adapters.kinds import policy_kinds
    from config.loading.loader import load_policy

    policy = load_policy(path, policy_kinds())
    texts = policy.model_dump()
    register_secrets(in_environment(os.environ, named_in(texts), texts_in(texts)))
    return policy


def check_exists(path: Path) -> None:
    """Raise `WrongInput`, with the ways to name a policy, when there is no such file."""
    if not path.exists():
        raise WrongInput(f"{path}: no such policy file: name one as POLICY or --policy, set STOKER_POLICY, or write one with "
                         "`stoker init` or `stoker discover`")


def pool_named(policy: "Policy", name: str, path: Path) -> "PoolPolicy":
    """Return the pool of that name. Raise `WrongInput` with a suggestion when there is none."""
    found = next((pool for pool in policy.pools if pool.name == name), None)
    if found is None:
        raise WrongInput(no_pool_text(policy, name, path))
    return found


def no_pool_text(policy: "Policy", name: str, path: Path) -> str:
    """Return that the policy has no pool of that name, with the closest name or the first ones."""
    from difflib import get_close_matches

    names = [pool.name for pool in policy.pools]
    close = get_close_matches(name, names, 1)
    hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(names[:10])}"
    return f"{path} has no pool {name}: {hint}"
