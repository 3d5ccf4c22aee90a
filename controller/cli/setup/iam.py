"""`stoker iam`: the minimum provider permissions for a policy."""

from pathlib import Path
from typing import Any

import click

from controller.cli.failure import WrongInput
from controller.cli.options import policy_argument
from controller.cli.output import Form, emit, is_data, output_option
from controller.cli.policy_file import read_policy
from controller.cli.verbosity import note


@click.command()
@policy_argument
@click.option("--provider", default=None, metavar="NAME", help="Only this provider: aws or google.")
@click.option("--account", default=None, metavar="ID", help="The account ID in resource names.  [default: any]")
@click.option("--principal", default=None, metavar="IDENTITY", help="The daemon's own identity, which trust policies name: the "
              "ARN of its role, or the email address of its service account.  [default: a placeholder]")
@output_option
def command(policy_path: Path, provider: str | None, account: str | None, principal: str | None, form: Form) -> None:
    """Print the minimum permissions that POLICY needs. Calls no provider. `-o json` groups the documents by provider.

    For AWS the output is an IAM policy document (several for many pools: attach all of them), for Google Cloud the commands that
    create and bind two roles. Pools in shadow mode get read permissions; pools in active mode also get write permissions, each
    limited to its own resource. Run this command again when pools or modes change.

    If pools have credentials, the output has one part for each identity: the daemon's own, and each role or service account with
    its permissions and what lets the daemon use it (on AWS its trust policy). Headings start with #.

    \b
    Examples:
      stoker iam
      stoker iam policy.yaml --provider aws --account 123456789012 > stoker-role.json
      stoker iam policy.yaml --principal arn:aws:iam::123456789012:role/stoker-daemon -o json
    """  # noqa: D301  (click reads the control character)
    from adapters.kinds import grants
    from config.model.layers import with_layers

    policy = read_policy(policy_path)
    granted_by_provider = grants(policy)
    names = list(dict.fromkeys(each.provider for each, _ in granted_by_provider))
    if provider is not None and provider not in names:
        raise WrongInput(f"--provider {provider}: {policy_path} has no pool of this provider; it has: {', '.join(names) or '-'}")
    chosen = [(each, pools) for each, pools in granted_by_provider if provider in (None, each.provider)]
    if is_data(form):
        body: dict[str, Any] = {each.provider: each.documents(pools, account) for each, pools in chosen if not each.identity}
        others = [{"provider": each.provider, "identity": each.identity, "documents": each.documents(pools, account),
                   "trust": each.trust(principal)} for each, pools in chosen if each.identity]
        emit("iam", body | ({"identities": others} if others else {}), form)
        return
    for each, pools in chosen:
        if len(chosen) > 1:
            click.echo(f"# {each.provider}: {each.identity}: permissions" if each.identity else f"# {each.provider}")
        click.echo(each.text(pools, account))
        if trust := each.trust_text(principal):
            click.echo(f"# {each.provider}: {each.identity}: lets the daemon use it\n{trust}")
    if principal is None and any(each.identity for each, _ in chosen):
        note("the daemon's own identity is a placeholder: add --principal")
    granted = {pool.name for _, pools in granted_by_provider for pool in pools}
    for kind in dict.fromkeys(pool.lever.kind for pool in with_layers(policy.pools) if pool.name not in granted):
        note(f"{kind}: no permissions needed, it calls no cloud API")
