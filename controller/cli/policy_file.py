"""Policy loading for commands: reports every problem with its line, before the command does anything else."""

import os
from pathlib import Path

from config.model.policy import Policy
from controller.cli.failure import WrongInput
from controller.redaction.process_secrets import in_environment, named_in, register_secrets, texts_in


def read_policy(path: Path) -> Policy:
    """Return the policy at `path`. Raise `WrongInput` with one line per problem."""
    from adapters.registry import lever_kinds
    from config.loading.loader import PolicyError, load_policy

    try:
        policy = load_policy(path, lever_kinds())
    except PolicyError as error:
        raise WrongInput(str(error)) from error
    texts = policy.model_dump()
    register_secrets(in_environment(os.environ, named_in(texts), texts_in(texts)))
    return policy
