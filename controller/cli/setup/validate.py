"""`stoker validate`: problems of a policy with file and line, or a summary of a valid policy."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.cli.failure import WrongInput
from controller.cli.options import FILE, check_named_once, policy_option
from controller.cli.output import Form, emit, is_data, output_option
from controller.cli.policy_file import check_exists
from controller.cli.verbosity import warn

if TYPE_CHECKING:
    from config.loading.loader import Located, Problem
    from config.model.policy import Policy


@click.command()
@click.argument("policies", metavar="[POLICY]...", nargs=-1, type=FILE)
@policy_option
@click.option("--templates", type=click.Path(path_type=Path, exists=True), metavar="DIR",
              help="Also search templates of infrastructure as code below DIR for numbers that Stoker sets.")
@output_option
def command(policies: tuple[Path, ...], policy_path: Path, templates: Path | None, form: Form) -> None:
    """Check policy files and report every problem with file, line and column. Calls no provider and changes nothing.

    `-o json` prints every problem and warning, and each pool with its defaults.

    \b
    Example:
      stoker validate policy.yaml
      stoker: policy.yaml:14:5 pools[1].mim: unknown key 'mim': did you mean min? allowed: name, lever, ...

    \b
    Exit code 0 when all files are valid, 2 otherwise. In a CI pipeline:
      stoker validate -o json policies/*.yaml
      stoker validate policy.yaml --templates infrastructure/
    """  # noqa: D301  (click reads the control character)
    from adapters.kinds import policy_kinds
    from adapters.runtime.clock import SystemClock
    from config.loading.loader import PolicyError, Problem, locate_policy
    from controller.cli.setup.validate_text import pool_json, summary

    check_named_once(bool(policies))
    if not policies:
        check_exists(policy_path)
    kinds, now = policy_kinds(), SystemClock().now()
    problems: list[Problem] = []
    valid: dict[Path, Located] = {}
    for path in policies or (policy_path,):
        try:
            valid[path] = locate_policy(path, kinds)
        except PolicyError as error:
            problems.extend(error.problems)
    if templates is not None:
        problems += conflicting(templates, [located.policy for located in valid.values()])
    warnings = [text for located in valid.values() for text in warnings_of(located, now)]
    if is_data(form):
        files = [{"file": str(path), "pools": [pool_json(pool, now) for pool in located.policy.pools],
                  "select": [entry.model_dump(mode="json", exclude_none=True) for entry in located.policy.select],
                  "assume": located.policy.assume.model_dump(mode="json")} for path, located in valid.items()]
        listed = [{"file": problem.file, "line": problem.line, "column": problem.column, "path": problem.path,
                   "message": problem.message} for problem in problems]
        emit("validate", {"valid": not problems, "problems": listed, "warnings": warnings, "files": files}, form)
        if problems:
            click.get_current_context().exit(WrongInput.exit_code)
        return
    for path, located in valid.items():
        click.echo(summary(path, located.policy, now, in_full=form == "wide"))
    for text in warnings:
        warn(text)
    if problems:
        raise WrongInput("\n".join(str(problem) for problem in problems))


def conflicting(templates: Path, policies: "Sequence[Policy]") -> "Iterator[Problem]":
    """Yield the places in templates that set a number which a pool of `policies` sets too."""
    from config.model.layers import with_layers
    from controller.preflight.templates.search import conflicts

    settings = [pool.lever.model_dump() for policy in policies for pool in with_layers(policy.pools)]
    names = [str(each[key]) for each in settings for key in ("function", "service") if key in each]
    yield from conflicts(templates, (str(each["kind"]) for each in settings), names)


def warnings_of(located: "Located", now: datetime) -> Iterator[str]:
    """Yield warnings about valid settings that are probably mistakes, each with file and line, once for all pools."""
    from config.loading.problem import path_text
    from controller.decision.events.upcoming import all_events_without_windows
    from controller.preflight.metadata_urls import REMEDY, WHAT, metadata_urls
    from controller.preflight.pool_warnings import pool_warnings
    from controller.preflight.schedule_warnings import schedule_warnings

    pools_by_text: dict[str, list[str]] = {}
    for index, pool in enumerate(located.policy.pools):
        for path, text in (*schedule_warnings(pool, now), *pool_warnings(pool)):
            pools_by_text.setdefault(f"{located.place(index, path)}: {text}", []).append(pool.name)
    for text, names in pools_by_text.items():
        yield text if len(names) == 1 else f"{text} ({names[0]} and {len(names) - 1} more)"
    for place, path, node in located.report.cut_texts():
        where = f"{located.report.source}:{place.line}:{place.column} {path_text(path)}"
        yield (f"{where}: the value is {node.scalar!r}, because {node.comment} is a comment: quote the value if it contains the "
               "#, or add a space after the #")
    yield from all_events_without_windows(located.policy, now)
    for leading in metadata_urls(located.policy, {}):
        yield f"{located.at(leading.path)}: this {WHAT}: {REMEDY}"
