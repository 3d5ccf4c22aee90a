"""`stoker schema`: the JSON Schema of policy files, so that an editor completes keys and marks mistakes while they are typed."""

import json

import click


@click.command()
def command() -> None:
    """Print the JSON Schema (draft 2020-12) of policy files, with every key explained.

    \b
    Write it beside the policy and name it in the policy's first line:
      stoker schema > stoker.schema.json
      # yaml-language-server: $schema=stoker.schema.json

    \b
    An editor with a YAML language server then completes keys, shows what each means, and marks what is wrong. It cannot know
    everything: `stoker validate` has the last word.
    """  # noqa: D301  (click reads the control character)
    from adapters.registry import lever_kinds
    from config.schema import policy_schema

    click.echo(json.dumps(policy_schema(lever_kinds()), indent=2))
