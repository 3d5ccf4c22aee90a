"""`stoker discover`: a draft policy from the functions and services of an account."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from adapters.runtime.files import whole_file
from controller.cli.failure import Failed, WrongInput
from controller.cli.options import sandbox_options
from controller.cli.output import Form, emit, is_data, output_option
from controller.cli.verbosity import note, start_log

if TYPE_CHECKING:
    from adapters.ports.discovery import Skipped
    from adapters.registry import Registry
    from adapters.surveys import Target
    from controller.preflight.discovery import PoolProposal


@click.command()
@click.option("--region", "regions", multiple=True, metavar="REGION", help="An AWS region; repeatable.")
@click.option("--project", metavar="ID", help="A Google Cloud project; requires --location.")
@click.option("--location", "locations", multiple=True, metavar="LOCATION", help="A Google Cloud region; repeatable.")
@click.option("--role-arn", "roles", multiple=True, metavar="ARN", help="A role to assume: its account is searched in each "
              "region; repeatable.")
@click.option("--organization", is_flag=True, help="Search every active account of the AWS organization in each region.")
@click.option("--role-name", default="stoker", show_default=True, metavar="NAME", help="With --organization: the role to "
              "assume in each account. {account} stands for its number.")
@click.option("--external-id", metavar="ID", help="The external ID that the trust policies of the roles require.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write the draft to FILE.  [default: standard output]")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@output_option
@sandbox_options
def command(regions: tuple[str, ...], project: str | None, locations: tuple[str, ...], roles: tuple[str, ...],
            organization: bool, role_name: str, external_id: str | None, output: Path | None, force: bool,
            form: Form, sandbox_url: str | None, sandbox_grpc: str | None) -> None:
    """Draft a policy from the functions and services of an account and their last 14 days of metrics. Read-only.

    Every pool of the draft is in shadow mode. Comments list the measured figures of each pool, and why other resources are left
    out. `-o json` prints the findings instead of the draft. Exit code 1 when no pool can be proposed.

    With --role-arn or --organization, the draft has the credentials of each pool. Accounts that refuse the role are reported, and
    the others are listed. --organization needs organizations:ListAccounts, in the management account or a delegated one.

    \b
    Examples:
      stoker discover --region us-east-1 --output policy.yaml
      stoker discover --project acme --location europe-west1 > policy.yaml
      stoker discover --region us-east-1 --organization --role-name stoker --external-id stoker-7f3a9c > policy.yaml
    """  # noqa: D301  (click reads the control character)
    if bool(project) != bool(locations):
        raise WrongInput("--project and --location require each other: give both or neither")
    places = [{"region": region} for region in dict.fromkeys(regions)]
    places += [{"project": str(project), "location": location} for location in dict.fromkeys(locations)]
    if not places:
        raise WrongInput("no region given: add --region us-east-1, or --project ID --location europe-west1")
    if (roles or organization) and not regions:
        raise WrongInput("--role-arn and --organization need a region: add --region us-east-1")
    if external_id is not None and not (roles or organization):
        raise WrongInput("--external-id is for a role: add --role-arn or --organization")
    if roles and organization:
        raise WrongInput("--role-arn and --organization exclude each other: give one of them")
    if output is not None and output.exists() and not force:
        raise WrongInput(f"{output} already exists: give another --output, or --force to overwrite it")
    proposals, skipped, text = asyncio.run(draft_policy(places, sandbox_url, sandbox_grpc,
                                                         Accounts(roles, organization, role_name, external_id)))
    if is_data(form):
        from controller.preflight.discovery import draft_json

        emit("discover", draft_json(proposals, skipped), form)
    if not proposals:
        raise Failed("nothing to propose:\n" + "\n".join(f"  {each.name}: {each.why}" for each in skipped)
                     if skipped else "nothing to propose: no functions or services found")
    if output is not None:
        try:
            with whole_file(output) as file:
                file.write(text.encode())
        except OSError as error:
            raise Failed(f"{output}: cannot be written ({error.strerror}); give --output another path") from None
        note(f"{output}: {len(proposals)} proposed, {len(skipped)} left out; next: stoker validate {output}")
    elif not is_data(form):
        click.echo(text, nl=False)


class Accounts(NamedTuple):
    """AWS accounts to search, by the options of the command."""

    roles: tuple[str, ...]
    organization: bool
    role_name: str
    external_id: str | None

    @property
    def named(self) -> bool:
        """Whether the accounts of roles are searched, and not that of the daemon's own identity."""
        return bool(self.roles) or self.organization

    @property
    def options(self) -> list[str]:
        """Return the options that were given."""
        given = [f"--role-arn {each}" for each in self.roles]
        given += [f"--organization --role-name {self.role_name}"] if self.organization else []
        return given + ([f"--external-id {self.external_id}"] if self.external_id else [])


async def targets_of(places: list[dict[str, str]], accounts: Accounts, registry: "Registry") -> "list[Target]":
    """Return what to search. Raise `WrongInput` for a role or external ID that is not valid, and `AdapterError`."""
    from adapters.surveys import Target, in_members, in_roles
    from config.model.credentials import partition_of

    regions = [place for place in places if "region" in place]
    others = [Target(place) for place in places if not accounts.named or "region" not in place]
    try:
        if accounts.organization:
            first = regions[0]["region"]
            members = await registry.members(first)
            return others + in_members(regions, members, accounts.role_name, accounts.external_id, partition_of(first))
        return others + in_roles(regions, accounts.roles, accounts.external_id)
    except ValueError as error:
        raise WrongInput(f"--role-arn, --role-name or --external-id is not valid: {' '.join(str(error).split())}") from None


async def draft_policy(places: list[dict[str, str]], sandbox_url: str | None, sandbox_grpc: str | None,
                       accounts: Accounts) -> "tuple[list[PoolProposal], list[Skipped], str]":
    """Read the accounts; return the proposed pools, the skipped resources and the draft as text."""
    from numpy.random import PCG64, Generator

    from adapters.ports.errors import AdapterError
    from adapters.registry import Registry
    from adapters.runtime.clock import SystemClock
    from adapters.surveys import surveys
    from controller.preflight.discovery import draft, observed_usage, pools_of, proposed

    clock = SystemClock()
    start_log(clock)
    registry = Registry(clock, Generator(PCG64()), sandbox_url=sandbox_url, sandbox_grpc=sandbox_grpc)
    try:
        found = await surveys(registry, await targets_of(places, accounts, registry))
        pools = pools_of(found)
        sources = registry.sources([pool for pool, _ in pools])
        usage = await observed_usage(sources, {pool.name: pool.lever.kind for pool, _ in pools}, clock.now())
    except AdapterError as error:
        raise Failed(str(error)) from error
    finally:
        await registry.close()
    proposals, idle = proposed(pools, usage)
    skipped = [*(each for survey in found for each in survey.skipped), *idle]
    how = "stoker discover " + " ".join(f"--{key} {value}" for place in places for key, value in place.items())
    how = " ".join((how, *accounts.options))
    return proposals, skipped, draft(proposals, skipped, how, clock.now())
