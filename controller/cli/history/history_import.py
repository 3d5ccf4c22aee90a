"""`stoker history import`: conversion of demand recorded by other programs to a history file for a backtest."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.cli.failure import Failed, WrongInput
from controller.cli.output import Form, emit, is_data, output_option
from controller.cli.verbosity import note, warn

if TYPE_CHECKING:
    from datetime import timedelta

    import numpy as np
    from numpy.typing import NDArray

    from adapters.recording.demand import Imported
    from forecasting.demand import DemandSeries

WHERE = {
    "invocations": "on AWS the metric Invocations (Sum)", "avg_concurrency": "on AWS the metric ConcurrentExecutions (Average)",
    "max_concurrency": "on AWS the metric ConcurrentExecutions (Maximum), which a backtest requires",
}
NAMED = 10
"""Maximum number of impossible rows that are named."""
FIRST_LINE = 2
"""Line of the first minute in a history file, below the header."""
ROLES = ("invocations", "avg_concurrency", "max_concurrency", "avg_duration_ms")


class Assignment(click.ParamType[tuple[str, str]]):
    """ROLE=NAME."""

    name = "ROLE=NAME"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return role and name."""
        role, sign, name = value.partition("=")
        if role not in ROLES or not sign or not name:
            self.fail(f"{value!r} is not ROLE=NAME with ROLE one of {', '.join(ROLES)}", param, ctx)
        return role, name


class Span(click.ParamType["timedelta"]):
    """A duration in the policy's format."""

    name = "DURATION"

    def convert(self, value: "str | timedelta", param: click.Parameter | None, ctx: click.Context | None) -> "timedelta":
        """Return the duration; the minimum is 1 s."""
        from config.model.duration import parse_duration

        try:
            span = parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not span:
            self.fail("the minimum is 1s", param, ctx)
        return span


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--output", required=True, type=click.Path(path_type=Path, dir_okay=False), metavar="OUT",
              help="The history file to write; compressed when its name ends in .gz.")
@click.option("--timezone", metavar="ZONE", help="IANA time zone for times without one, such as Europe/Paris.")
@click.option("--column", "columns", multiple=True, type=Assignment(),
              help="Assign a column: ROLE is invocations, avg_concurrency, max_concurrency or avg_duration_ms; NAME is a "
                   "column's name, id or number, or a file with a single column.")
@click.option("--step", type=Span(), help="Period of the recording, such as 1m or 5m, when the times do not determine it.")
@click.option("--force", is_flag=True, help="Overwrite OUT if it exists.")
@output_option
def command(files: tuple[Path, ...], output: Path, timezone: str | None, columns: tuple[tuple[str, str], ...],
            step: "timedelta | None", force: bool, form: Form) -> None:
    """Convert recorded demand to a history file for a backtest: sorted, in UTC, one row per minute, unknown minutes empty.

    Each FILE is text in columns (exports of the CloudWatch console, Grafana, Datadog, spreadsheets) or JSON (aws cloudwatch
    get-metric-data and get-metric-statistics, Prometheus query_range, Cloud Monitoring timeSeries.list). Several files are
    joined. The command prints each conversion step, and rejects ambiguous data with its line number.

    \b
    Examples:
      stoker history import export.csv --output chat.csv.gz
      stoker history import requests.json concurrency.json --output chat.csv.gz --timezone Europe/Paris
    """  # noqa: D301  (click reads the control character)
    from adapters.demand.history_file import HistoryError, unpacked, write_history
    from adapters.recording.demand import imported
    from adapters.recording.table import NotImportable

    if output.exists() and output.is_file() and not force:
        raise WrongInput(f"{output} already exists: give another --output, or --force to overwrite it")
    try:
        texts = {str(file): unpacked(file) for file in files}
        result = imported(texts, dict(columns), timezone, None if step is None else int(step.total_seconds()))
    except (HistoryError, NotImportable) as error:
        raise WrongInput(str(error)) from error
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        write_history(output, result.series)
    except OSError as error:
        raise Failed(f"{output} cannot be written ({error.strerror}); give another --output") from error
    if is_data(form):
        emit("history-import", body_of(result, output), form)
    else:
        report(result, output)
    warn_of(result, output)


def body_of(result: "Imported", output: Path) -> dict[str, object]:
    """Return the outcome as JSON values: the file, its minutes, the share of known minutes, and the conversion steps."""
    import numpy as np

    from forecasting.demand import instant_of

    series = result.series
    known = {name: float(np.mean(~np.isnan(values))) for name, values in columns_of(series)}
    return {"file": str(output), "minutes": len(series), "start": instant_of(series.first_minute).isoformat(),
            "known_share": known, "missing": list(result.missing),
            "notes": [{"source": source, "lines": list(lines)} for source, lines in result.notes]}


def report(result: "Imported", output: Path) -> None:
    """Print the conversion steps and the unknown minutes."""
    import numpy as np

    from forecasting.demand import instant_of

    for source, lines in result.notes:
        if source:
            click.echo(source)
        for line in lines:
            click.echo(f"  {line}" if source else line)
    series = result.series
    click.echo(f"{len(series)} minutes from {instant_of(series.first_minute):%Y-%m-%dT%H:%MZ}; known minutes:")
    for name, values in columns_of(series):
        click.echo(f"  {name:<15}  {coverage(np.isnan(values), series.first_minute)}")
    click.echo(f"written: {output}")


def warn_of(result: "Imported", output: Path) -> None:
    """Warn of contradictory minutes and missing columns."""
    from adapters.demand.history_file import open_history
    from adapters.recording.grid import counted

    doubts = open_history(output).doubts
    if doubts:
        warn(f"{counted(len(doubts), 'minute')} with contradictory values: unknown in a backtest")
        for doubt in doubts[:NAMED]:
            places = " and ".join(result.rows(result.series.first_minute + doubt.line - FIRST_LINE))
            note(f"  {places}: {doubt.what}")
        if len(doubts) > NAMED:
            note(f"  and {len(doubts) - NAMED} more")
    for name in result.missing:
        warn(f"no FILE has values of {name}, so it is unknown in every minute; add a file with it: {WHERE[name]}")


def columns_of(series: "DemandSeries") -> "tuple[tuple[str, NDArray[np.floating]], ...]":
    """Return the columns of a history file whose known minutes are reported."""
    return ("invocations", series.invocations), ("avg_concurrency", series.busy), ("max_concurrency", series.peak)


def coverage(unknown: "NDArray[np.bool_]", first: int) -> str:
    """Return the share of known minutes and the longest gap."""
    import numpy as np

    from forecasting.demand import instant_of

    if not unknown.any():
        return "all"
    known = np.flatnonzero(~unknown)
    if not len(known):
        return "none"
    edges = np.concatenate(([-1], known, [len(unknown)]))
    longest = int(np.diff(edges).argmax())
    begin, gap = instant_of(first + int(edges[longest]) + 1), int(np.diff(edges)[longest]) - 1
    return f"{len(known)} ({len(known) / len(unknown):.1%}), longest gap {gap} min from {begin:%Y-%m-%dT%H:%MZ}"
