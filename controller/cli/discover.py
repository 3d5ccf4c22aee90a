"""`stoker discover`: a draft policy from what is there."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from adapters.files import whole_file
from controller.cli.failure import Failed, WrongInput

if TYPE_CHECKING:
    from adapters.survey import Skipped
    from controller.discovery import Proposal


@click.command()
@click.option("--region", "regions", multiple=True, metavar="REGION", help="An AWS region; may be given more than once.")
@click.option("--project", metavar="ID", help="A Google Cloud project; with --location.")
@click.option("--location", "locations", multiple=True, metavar="LOCATION", help="A region of it; may be given more than once.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write the draft there.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON instead.")
@click.option("--sandbox-url", envvar="STOKER_SANDBOX_URL", hidden=True)
@click.option("--sandbox-grpc", envvar="STOKER_SANDBOX_GRPC", hidden=True)
def command(regions: tuple[str, ...], project: str | None, locations: tuple[str, ...], output: Path | None, force: bool,
            as_json: bool, sandbox_url: str | None, sandbox_grpc: str | None) -> None:
    """Draft a policy from the functions and services that there are, and what they did in the last fortnight. Reads only.

    Every pool of the draft is in shadow; comments tell what was seen of each, and why the rest is left out. Exit code 1 when
    there is nothing to propose.

    \b
    Examples:
      stoker discover --region us-east-1 --output policy.yaml
      stoker discover --project acme --location europe-west1 > policy.yaml
    """  # noqa: D301  (click reads the control character)
    if bool(project) != bool(locations):
        raise WrongInput("--project and --location go together")
    places = [{"region": region} for region in dict.fromkeys(regions)]
    places += [{"project": str(project), "location": location} for location in dict.fromkeys(locations)]
    if not places:
        raise WrongInput("say where to look: --region us-east-1, or --project ID --location europe-west1")
    if output is not None and output.exists() and not force:
        raise WrongInput(f"{output} is there already: give another --output, or --force to write over it")
    proposals, skipped, text = asyncio.run(looked(places, sandbox_url, sandbox_grpc))
    if as_json:
        from controller.discovery import plain

        click.echo(json.dumps(plain(proposals, skipped), indent=2))
    if not proposals:
        raise Failed("nothing to propose:\n" + "\n".join(f"  {each.name}: {each.why}" for each in skipped)
                     if skipped else "nothing to propose: there is nothing")
    if output is not None:
        try:
            with whole_file(output) as file:
                file.write(text.encode())
        except OSError as error:
            raise Failed(f"{output}: cannot be written ({error.strerror}); give --output another place") from None
        click.echo(f"{output}: {len(proposals)} proposed, {len(skipped)} left out; next: stoker validate {output}", err=True)
    elif not as_json:
        click.echo(text, nl=False)


async def looked(places: list[dict[str, str]], sandbox_url: str | None,
                 sandbox_grpc: str | None) -> "tuple[list[Proposal], list[Skipped], str]":
    """What is there, and the draft of it."""
    from numpy.random import PCG64, Generator

    from adapters.clock import SystemClock
    from adapters.errors import AdapterError
    from adapters.registry import Registry
    from controller.discovery import draft, habits_of, pools_of, proposed

    clock = SystemClock()
    registry = Registry(clock, Generator(PCG64()), sandbox_url=sandbox_url, sandbox_grpc=sandbox_grpc)
    try:
        surveys = await asyncio.gather(*(registry.survey(place) for place in places))
        pools = pools_of(surveys)
        sources = registry.sources([pool for pool, _ in pools])
        seen = await habits_of(sources, {pool.name: pool.lever.kind for pool, _ in pools}, clock.now())
    except AdapterError as error:
        raise Failed(str(error)) from error
    finally:
        await registry.close()
    proposals, idle = proposed(pools, seen)
    skipped = [*(each for survey in surveys for each in survey.skipped), *idle]
    how = "stoker discover " + " ".join(f"--{key} {value}" for place in places for key, value in place.items())
    return proposals, skipped, draft(proposals, skipped, how, clock.now())
