"""`stoker forecast`: history and forecast of one pool, as text, JSON or a chart."""

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from controller.cli.completion_names import pool_names
from controller.cli.daemon_client import daemon_on, fetch
from controller.cli.evaluate.backtest import write_whole
from controller.cli.failure import Failed, WrongInput
from controller.cli.formatting import next_hours
from controller.cli.options import FILE, is_explicit, policy_option, url_option
from controller.cli.output import Form, emit, is_data, output_option
from controller.cli.policy_file import pool_named, read_policy
from controller.cli.selection import with_kept
from controller.cli.verbosity import warn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from config.model.policy import Policy, PoolPolicy
    from controller.forecasts.demand_forecast import ForecastView
    from forecasting.demand import DemandSeries

PICTURES = (".html", ".svg")
DAYS = 14
LONGEST_HOURS = 24.0
PATIENCE_SECONDS = 70.0
"""Timeout of the request to a daemon, which limits its own computation to 60 s."""


@click.command()
@click.argument("pool", shell_complete=pool_names)
@policy_option
@click.option("--history", "histories", multiple=True, metavar="POOL=FILE", help="Recorded traffic of the pool, .csv or .csv.gz.")
@click.option("--state-dir", type=FILE, help="State folder of a daemon; a running daemon is queried.")
@url_option
@click.option("--at", metavar="TIMESTAMP", help="Forecast with the data known at this time (UTC).  [default: end of history]")
@click.option("--hours", type=click.FloatRange(0.25, LONGEST_HOURS), default=6.0, show_default=True, help="Forecast length.")
@click.option("--plot", type=FILE, metavar="OUT.html|OUT.svg", help="Write a chart.")
@click.option("--model/--no-model", default=True, show_default=True, help="Also fit a statistical model (some seconds).")
@output_option
def command(pool: str, policy_path: Path, histories: tuple[str, ...], state_dir: Path | None, url: str,
            at: str | None, hours: float, plot: Path | None, model: bool, form: Form) -> None:
    """Show history and forecast of POOL, and the accuracy of the last 24 hours' forecasts.

    Changes nothing and calls no provider. Without --history and --state-dir, and with a --state-dir that a daemon uses, it asks
    the daemon.

    \b
    Examples:
      stoker forecast chat
      stoker forecast chat --history chat=chat.csv.gz --plot chat.svg
    """  # noqa: D301  (click reads the control character)
    asked = is_explicit(click.get_current_context(), "url")
    if bool(histories) + (state_dir is not None) + asked > 1:
        raise WrongInput(f"give one source of history for {pool}: --history {pool}=FILE, --state-dir DIR or --url URL")
    if plot is not None and plot.suffix not in PICTURES:
        raise WrongInput(f"--plot {plot}: the name must end in {' or '.join(PICTURES)}")
    daemon: str | None = url
    if histories or state_dir is not None:
        policy = read_policy(policy_path)
        if state_dir is not None:
            policy = known_policy(policy, state_dir)
        one = pool_named(policy, pool, policy_path)
        daemon = None if state_dir is None else daemon_on(state_dir)
    if daemon is not None:
        answer = from_daemon(daemon, pool, hours, at)
        view = seen_in(answer, daemon)
    else:
        demand = from_files(pool, histories) if state_dir is None else from_state(pool, state_dir)
        now_minute = demand.end_minute if at is None else instant_within(at, demand, pool)
        view, answer = look(one, policy, demand, now_minute, hours, model, state_dir), None
    if plot is not None:
        draw(view, plot)
    show_forecast(view, answer, plot, form)


def known_policy(policy: "Policy", state_dir: Path) -> "Policy":
    """Return the policy with the pools of its `select` entries that the daemon knows."""
    from controller.store.sqlite_file import StoreError

    try:
        return with_kept(policy, state_dir)
    except StoreError as error:
        raise Failed(str(error)) from error


def show_forecast(view: "ForecastView", answer: dict[str, Any] | None, plot: Path | None, form: Form) -> None:
    """Print the forecast. `answer`: the answer of a daemon, which has more fields than the view."""
    if is_data(form):
        from controller.forecasts.demand_forecast import document

        emit("forecast", document(view) if answer is None else answer, form)
        return
    from controller.cli.evaluate.forecast_text import show

    show(view)
    if answer is not None:
        click.echo(f"Planned targets if demand follows the forecast (UTC): {next_hours(answer, 'now')}")
    if plot is not None:
        click.echo(f"chart written to {plot}")


def from_daemon(url: str, pool: str, hours: float, at: str | None) -> dict[str, Any]:
    """Return a daemon's answer. Raise `WrongInput` with `--at`."""
    if at is not None:
        raise WrongInput("--at: a running daemon forecasts from now only; stop it and give --state-dir, or give --history")
    return fetch(url, f"/v1/pools/{quote(pool, safe='')}/forecast?hours={hours:g}", PATIENCE_SECONDS)


def seen_in(answer: dict[str, Any], url: str) -> "ForecastView":
    """Convert a daemon's answer to a view. Raise `Failed` when it is not a forecast."""
    from controller.forecasts.demand_forecast import view_from

    try:
        return view_from(answer)
    except (KeyError, TypeError, ValueError) as error:
        raise Failed(f"{url} is not a Stoker daemon of this version: its answer is not a forecast") from error


def from_files(pool: str, histories: tuple[str, ...]) -> "DemandSeries":
    """Read the pool's history file. Ignore files of other pools, so that the options of a backtest work here too."""
    from adapters.demand.history_file import HistoryError, open_history
    from controller.preflight.history_check import check_known, warnings_of

    paths = dict(option.partition("=")[::2] for option in histories)
    malformed = next((option for option in histories if "=" not in option or not option.partition("=")[2]), None)
    if malformed is not None:
        raise WrongInput(f"--history {malformed}: write it as POOL=FILE")
    if pool not in paths:
        raise WrongInput(f"no history for {pool}: add --history {pool}=FILE")
    try:
        history = open_history(Path(paths[pool]))
        check_known(history)
    except HistoryError as error:
        raise WrongInput(str(error)) from error
    for text in warnings_of(history):
        warn(text)
    return history.series


def from_state(pool: str, state_dir: Path) -> "DemandSeries":
    """Return the last 14 days of demand that a daemon recorded."""
    from controller.store.sqlite_file import StoreError
    from controller.store.state_dir import STORE_NAME
    from controller.store.state_store import Store
    from forecasting.demand import MINUTES_PER_DAY

    path = state_dir / STORE_NAME
    if not path.is_file():
        raise WrongInput(f"{path}: no such file; give the --state-dir that stoker run uses")
    try:
        with Store(path) as store:
            newest = store.newest_known_minute([pool]).get(pool)
            if newest is None:
                raise Failed(f"{path} has no demand of {pool}; run stoker run until it has collected some")
            return store.load_demand(pool, newest + 1 - DAYS * MINUTES_PER_DAY, newest + 1)
    except StoreError as error:
        raise Failed(str(error)) from error


def instant_within(at: str, demand: "DemandSeries", pool: str) -> int:
    """Return the minute that `--at` names. Raise `WrongInput` when no history precedes it."""
    from adapters.demand.history_times import minute_at
    from forecasting.demand import instant_of

    minute = minute_at(at)
    if isinstance(minute, str):
        raise WrongInput(f"--at: {minute}")
    if not demand.first_minute < minute <= demand.end_minute:
        span = f"{instant_of(demand.first_minute + 1):%Y-%m-%dT%H:%MZ} to {instant_of(demand.end_minute):%Y-%m-%dT%H:%MZ}"
        raise WrongInput(f"--at {at}: the history of {pool} covers {span}; choose a time within it")
    return minute


def look(pool: "PoolPolicy", policy: "Policy", demand: "DemandSeries", now_minute: int, hours: float, model: bool,
         state_dir: Path | None) -> "ForecastView":
    """Return the forecast with warm capacity: simulated for recorded files, and by the pool's mode for a daemon's store."""
    from controller.decision.costs.kinds import KIND_OF_MODE
    from controller.decision.events.forecast_adjustment import events_of
    from controller.forecasts.demand_forecast import view_of
    from forecasting.harmonic import can_fit, fit_outlook

    if model and not can_fit():
        warn("the forecast lacks the fitted model: install the wheel with the extra forecast, or give --no-model")
    known = demand.window(demand.first_minute, now_minute)
    kept = replayed(pool, policy, known) if state_dir is None else recorded(pool, known, state_dir)
    kind = "simulated" if state_dir is None else KIND_OF_MODE[pool.mode]
    lead = max(1, round((policy.assume.metric_delay + policy.assume.lead_time).total_seconds() / 60))
    return view_of(pool.name, known, now_minute, hours, lead, fit_outlook if model else None, kept, events_of(pool, known),
                   kind)


def replayed(pool: "PoolPolicy", policy: "Policy", demand: "DemandSeries") -> "NDArray[np.float64]":
    """Return the units that a backtest requests in each minute."""
    import numpy as np

    from controller.backtest.replay import replay
    from controller.decision.costs.cost_model import terms_of

    return replay(pool, demand, terms_of(pool, policy.assume), policy.assume).target.astype(np.float64)


def recorded(pool: "PoolPolicy", demand: "DemandSeries", state_dir: Path) -> "NDArray[np.float64] | None":
    """Return the units requested in each minute according to the recorded decisions; None without any."""
    from controller.store.capacity_history import requested_history
    from controller.store.state_dir import STORE_NAME
    from controller.store.state_store import Store

    with Store(state_dir / STORE_NAME) as store:
        return requested_history(store, pool.name, pool.mode, demand.first_minute, demand.end_minute)


def draw(view: "ForecastView", path: Path) -> None:
    """Write a chart of the forecast, SVG or HTML by the file's suffix."""
    from controller.cli.evaluate.forecast_text import sentences
    from controller.forecasts.chart import NoPlotter, html, svg

    try:
        drawing = svg(view) if path.suffix == ".svg" else html(view, sentences(view))
    except NoPlotter as error:
        raise Failed(str(error)) from error
    write_whole(path, [drawing])
