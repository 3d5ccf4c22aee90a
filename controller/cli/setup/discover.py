"""`stoker discover`: a draft policy from the functions and services of an account."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from adapters.runtime.files import whole_file
from controller.cli.failure import Failed, WrongInput
from controller.cli.options import sandbox_options
from controller.cli.output import Form, emit, is_data, output_option
from controller.cli.verbosity import note, start_log

if TYPE_CHECKING:
    from adapters.ports.discovery import Skipped
    from controller.preflight.discovery import PoolProposal


@click.command()
@click.option("--region", "regions", multiple=True, metavar="REGION", help="An AWS region; repeatable.")
@click.option("--project", metavar="ID", help="A Google Cloud project; requires --location.")
@click.option("--location", "locations", multiple=True, metavar="LOCATION", help="A Google Cloud region; repeatable.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write the draft to FILE.  [default: standard output]")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@output_option
@sandbox_options
def command(regions: tuple[str, ...], project: str | None, locations: tuple[str, ...], output: Path | None, force: bool,
            form: Form, sandbox_url: str | None, sandbox_grpc: str | None) -> None:
    """Draft a policy from the functions and services of an account and their last 14 days of metrics. Read-only.

    Every pool of the draft is in shadow mode. Comments list the measured figures of each pool, and why other resources are left
    out. `-o json` prints the findings instead of the draft. Exit code 1 when no pool can be proposed.

    \b
    Examples:
      stoker discover --region us-east-1 --output policy.yaml
      stoker discover --project acme --location europe-west1 > policy.yaml
    """  # noqa: D301  (click reads the control character)
    if bool(project) != bool(locations):
        raise WrongInput("--project and --location require each other: give both or neither")
    places = [{"region": region} for region in dict.fromkeys(regions)]
    places += [{"project": str(project), "location": location} for location in dict.fromkeys(locations)]
    if not places:
        raise WrongInput("no region given: add --region us-east-1, or --project ID --location europe-west1")
    if output is not None and output.exists() and not force:
        raise WrongInput(f"{output} already exists: give another --output, or --force to overwrite it")
    proposals, skipped, text = asyncio.run(draft_policy(places, sandbox_url, sandbox_grpc))
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


async def draft_policy(places: list[dict[str, str]], sandbox_url: str | None,
                       sandbox_grpc: str | None) -> "tuple[list[PoolProposal], list[Skipped], str]":
    """Read the account; return the proposed pools, the skipped resources and the draft as text."""
    from numpy.random import PCG64, Generator

    from adapters.ports.errors import AdapterError
    from adapters.registry import Registry
    from adapters.runtime.clock import SystemClock
    from controller.preflight.discovery import draft, observed_usage, pools_of, proposed

    clock = SystemClock()
    start_log(clock)
    registry = Registry(clock, Generator(PCG64()), sandbox_url=sandbox_url, sandbox_grpc=sandbox_grpc)
    try:
        surveys = await asyncio.gather(*(registry.survey(place) for place in places))
        pools = pools_of(surveys)
        sources = registry.sources([pool for pool, _ in pools])
        usage = await observed_usage(sources, {pool.name: pool.lever.kind for pool, _ in pools}, clock.now())
    except AdapterError as error:
        raise Failed(str(error)) from error
    finally:
        await registry.close()
    proposals, idle = proposed(pools, usage)
    skipped = [*(each for survey in surveys for each in survey.skipped), *idle]
    how = "stoker discover " + " ".join(f"--{key} {value}" for place in places for key, value in place.items())
    return proposals, skipped, draft(proposals, skipped, how, clock.now())
