"""`stoker schema`: the JSON Schema of policy files, for completion and validation in editors."""

import json

import click


@click.command()
def command() -> None:
    """Print the JSON Schema (draft 2020-12) of policy files, with every key explained.

    \b
    Write it next to the policy and name it in the policy's first line:
      stoker schema > stoker.schema.json
      # yaml-language-server: $schema=stoker.schema.json

    \b
    An editor with a YAML language server then completes keys, shows their descriptions, and marks errors. The schema does not
    cover every rule: run `stoker validate` as well.
    """  # noqa: D301  (click reads the control character)
    from adapters.kinds import policy_kinds
    from config.loading.schema import policy_schema

    click.echo(json.dumps(policy_schema(policy_kinds()), indent=2))
