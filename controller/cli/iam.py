"""`stoker iam`: what a provider must allow for a policy, and nothing besides."""

import json
from pathlib import Path

import click

from controller.cli.failure import WrongInput
from controller.cli.policy_file import read_policy


@click.command()
@click.argument("policy_path", metavar="POLICY", type=click.Path(path_type=Path))
@click.option("--provider", default=None, metavar="NAME", help="Print it for this provider only: aws, google.")
@click.option("--account", default=None, metavar="ID", help="The account that resource names hold.  [default: any]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, by provider.")
def command(policy_path: Path, provider: str | None, account: str | None, as_json: bool) -> None:
    """Print the least that must be allowed for POLICY to be carried out. Nobody is asked.

    For AWS that is an IAM policy document (of many pools several: attach them all), for Google Cloud the commands that make and
    bind two roles. Pools in shadow get what looks, pools in active mode also what sets, each on its own resource: print it anew
    when pools or modes change.

    \b
    Examples:
      stoker iam policy.yaml
      stoker iam policy.yaml --provider aws --account 123456789012 > stoker-role.json
    """  # noqa: D301  (click reads the control character)
    from adapters.registry import grants

    policy = read_policy(policy_path)
    found = grants(policy)
    names = [each.provider for each, _ in found]
    if provider is not None and provider not in names:
        raise WrongInput(f"--provider {provider}: no pool of {policy_path} is there, only of: {', '.join(names) or '-'}")
    chosen = [(each, pools) for each, pools in found if provider in (None, each.provider)]
    if as_json:
        click.echo(json.dumps({each.provider: each.documents(pools, account) for each, pools in chosen}, indent=2))
        return
    for each, pools in chosen:
        if len(chosen) > 1:
            click.echo(f"# {each.provider}")
        click.echo(each.text(pools, account))
    granted = {pool.name for _, pools in found for pool in pools}
    for kind in dict.fromkeys(pool.lever.kind for pool in policy.pools if pool.name not in granted):
        click.echo(f"{kind}: nothing to allow, it asks no cloud's control plane", err=True)
