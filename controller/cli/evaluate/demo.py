"""`stoker demo`: the real daemon against an emulated cloud, faster than real time."""

import asyncio
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from adapters.runtime.files import whole_file
from controller.cli.failure import Failed, WrongInput
from controller.cli.output import Form, emit, is_data, output_option

if TYPE_CHECKING:
    from controller.demo.frame import Frame
    from controller.demo.runner import DemoRunner
    from controller.demo.scenarios import Scenario

PORT = 8080
LASTING = timedelta(hours=2)
PICTURE_LINES = 42
SHORTEST, LONGEST = timedelta(minutes=5), timedelta(days=28)


class Span(click.ParamType[timedelta]):
    """A duration in the policy's format, between 5m and 28d."""

    name = "span"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        from config.model.duration import parse_duration

        if isinstance(value, timedelta):
            return value
        try:
            span = parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not SHORTEST <= span <= LONGEST:
            self.fail(f"{value} is not between 5m and 28d", param, ctx)
        return span


@click.command(short_help="Run a demo of 2 min against an emulated cloud.")
@click.option("--speed", type=click.FloatRange(1, 3600), default=60, show_default=True,
              help="Speed factor over real time. A slow machine skips nothing; the demo takes longer.")
@click.option("--duration", type=Span(), default=None, metavar="SPAN",
              help="Simulated duration, such as 30m or 24h.  [default: 2h; with --history, to its end]")
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True, help="Seed of the random traffic.")
@click.option("--all-levers", is_flag=True, help="Show one pool per lever, on two emulated clouds. Requires the extra gcp.")
@click.option("--leads", is_flag=True, help="Show an agent with its tools and the workers of a queue, with leading signals.")
@click.option("--history", type=click.Path(path_type=Path), default=None, metavar="FILE",
              help="Play recorded traffic (.csv or .csv.gz): the first days are history, the rest plays live.")
@click.option("--start-day", type=click.IntRange(1), default=None, metavar="N",
              help="Days of --history that count as history; playback starts after them.  [default: all but the last]")
@click.option("--port", type=click.IntRange(0, 65535), default=None,
              help="Port of the dashboard and the HTTP API.  [default: 8080, or any free port when it is in use]")
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), default=None, metavar="DIR",
              help="Keep the policy, the store and the log in DIR.  [default: delete them at the end]")
@click.option("--picture", type=click.Path(dir_okay=False, path_type=Path), default=None, metavar="FILE",
              help="Save the last screen as an SVG image.")
@output_option
def command(speed: float, duration: timedelta | None, seed: int, all_levers: bool, leads: bool, history: Path | None,
            start_day: int | None, port: int | None, keep: Path | None, picture: Path | None, form: Form) -> None:
    """Run a demo of 2 min against an emulated cloud.

    The demo starts an emulated AWS account with three busy agents and 14 days of their history, and the real daemon, which reads
    and warms them through boto3. It stops automatically and prints a summary; Ctrl-C stops it earlier. With `-o json`, progress
    goes to standard error.

    \b
    Examples:
      stoker demo
      stoker demo --history chat.csv.gz --speed 600
    """  # noqa: D301  (click reads the control character)
    if start_day is not None and history is None:
        raise WrongInput("--start-day requires --history: add --history FILE")
    given = [name for name, value in (("--all-levers", all_levers), ("--leads", leads), ("--history", history)) if value]
    if len(given) > 1:
        raise WrongInput(f"{given[0]} cannot be combined with {given[1]}: remove one of them")
    scene = set_scene(history, start_day, duration, seed, all_levers=all_levers, leads=leads)
    with folder_for(keep) as folder, watching(is_data(form)) as watch:
        stage, frame = asyncio.run(played(scene, folder, seed, speed, free_port() if port is None else port, watch))
    if frame is None:
        raise Failed("stopped before the first tick: there is no outcome to show")
    if picture is not None:
        save_picture(frame, picture)
    conclude(stage.with_price_curve(frame), form)


def set_scene(history: Path | None, start_day: int | None, duration: timedelta | None, seed: int, *,
              all_levers: bool, leads: bool) -> "Scenario":
    """Return the scenario to play. Raise `WrongInput` when the recording cannot be used."""
    from numpy.random import PCG64, Generator

    from controller.demo.scenarios import SceneError, every_lever, invented, leading, recorded

    if all_levers:
        have_google()
        return every_lever(Generator(PCG64(seed)), duration or LASTING)
    if leads:
        return leading(Generator(PCG64(seed)), duration or LASTING)
    if history is None:
        return invented(Generator(PCG64(seed)), duration or LASTING)
    try:
        return recorded(history, start_day, duration)
    except SceneError as error:
        raise WrongInput(str(error)) from None


def have_google() -> None:
    """Raise `Failed` when a library of the extra gcp is missing, before anything starts."""
    try:
        import controller.demo.gcp_emulator  # noqa: F401
    except ModuleNotFoundError as missing:
        if missing.name is not None and missing.name.split(".")[0] in ("adapters", "controller"):
            raise
        raise Failed(f"--all-levers requires the library {missing.name}, which is not installed: install the wheel with the "
                     "extras aws and gcp") from None


async def played(scene: "Scenario", folder: Path, seed: int, speed: float, port: int,
                 watch: "Callable[[Frame], None]") -> "tuple[DemoRunner, Frame | None]":
    """Play the scenario until its end or a signal. Return the runner and the last frame, None without a tick."""
    from numpy.random import PCG64, Generator

    from adapters.ports.errors import AdapterError
    from adapters.runtime.clock import ScaledClock
    from controller.demo.runner import DemoRunner
    from controller.http.server import CannotListen
    from controller.store.sqlite_file import StoreError
    from controller.telemetry.log_setup import configure

    clock = ScaledClock(scene.start, speed)
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    with (folder / "stoker.log").open("a") as log:
        configure(clock, stream=log)
        stage = DemoRunner(scene, clock, folder, Generator(PCG64([seed, 1])), seed, port, watch)
        try:
            return stage, await stage.play(stop)
        except (AdapterError, CannotListen, StoreError) as error:
            raise Failed(str(error)) from error


@contextmanager
def folder_for(keep: Path | None) -> Iterator[Path]:
    """Yield the folder of policy, store and log: `keep`, or a temporary one that is deleted afterwards."""
    if keep is not None:
        try:
            keep.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WrongInput(f"--keep {keep}: cannot be created ({error.strerror}); give a writable folder") from None
    with nullcontext(str(keep)) if keep is not None else tempfile.TemporaryDirectory(prefix="stoker-demo-") as folder:
        yield Path(folder)


@contextmanager
def watching(as_json: bool) -> "Iterator[Callable[[Frame], None]]":
    """Yield a function that shows a frame: as a live screen in a terminal, else as lines."""
    from rich.console import Console
    from rich.live import Live

    from controller.demo.result_text import PlainLines
    from controller.demo.terminal_view import picture

    console = Console()
    if as_json or not console.is_terminal:
        click.echo("reading 14 days of history from the emulated cloud ...", err=as_json)
        lines = PlainLines(lambda text: click.echo(text, err=as_json))
        yield lines.show
        return
    with Live("Reading 14 days of history from the emulated cloud ...", console=console, auto_refresh=False,
              screen=False) as live:
        yield lambda frame: live.update(picture(frame, console.width, console.height), refresh=True)


def conclude(frame: "Frame", form: Form) -> None:
    """Print the outcome."""
    from rich.console import Console

    from controller.demo.result_text import outcome_json, summary

    if is_data(form):
        emit("demo", outcome_json(frame), form)
        return
    summary(frame, Console(width=None if sys.stdout.isatty() else 110))


def save_picture(frame: "Frame", path: Path) -> None:
    """Save the last screen as SVG, 120 columns wide. Raise `Failed` when it cannot be written."""
    import io
    import re

    from rich.console import Console

    from controller.demo.terminal_view import picture

    console = Console(record=True, width=120, file=io.StringIO(), force_terminal=True)
    console.print(picture(frame, console.width, PICTURE_LINES))
    image = re.sub(r"@font-face \{.*?\n    \}\n", "", console.export_svg(title="stoker demo"), flags=re.DOTALL)
    try:
        with whole_file(path) as file:
            file.write(image.encode())  # without web fonts, which an offline viewer cannot fetch
    except OSError as error:
        raise Failed(f"{path}: cannot be written ({error.strerror}); give --picture another path") from None


def free_port() -> int:
    """Return the daemon's default port, or 0 (any free port) when it is in use."""
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does: a port in TIME_WAIT counts as free
        try:
            tried.bind(("127.0.0.1", PORT))
        except OSError:
            return 0
    return PORT
