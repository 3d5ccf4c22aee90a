"""Inputs of a backtest: recorded traffic from files or from the provider, and the time from which costs count."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from controller.cli.failure import Failed, WrongInput
from controller.cli.progress import progress_of
from controller.cli.since import since_of
from controller.cli.verbosity import note, warn

if TYPE_CHECKING:
    from adapters.demand.history_file import History
    from config.model.policy import Policy, PoolPolicy


def apart(outputs: dict[str, Path | None], policy_path: Path, histories: tuple[str, ...]) -> None:
    """Raise `WrongInput` when an output file is also another output or an input."""
    used = {policy_path.resolve(): "--policy"} | {Path(option.partition("=")[2]).resolve(): "--history" for option in histories}
    for option, path in outputs.items():
        if path is None or path == Path("-"):
            continue
        other = used.setdefault(path.resolve(), option)
        if other != option:
            raise WrongInput(f"{option} {path}: {other} names the same file; give each option its own file")


class Clouds(NamedTuple):
    """Addresses of an emulated cloud; None: the real one."""

    sandbox_url: str | None = None
    sandbox_grpc: str | None = None


def read_recorded(policy: "Policy", policy_path: Path, histories: tuple[str, ...], since: str | None,
                  clouds: Clouds) -> "dict[str, History]":
    """Return the history of every pool, in the policy's order: from its file, or with `since` from its provider.

    Raise `WrongInput` for a missing or unusable one, `Failed` if a provider cannot be read.
    """
    from adapters.demand.history_file import HistoryError, open_history

    names = [pool.name for pool in policy.pools]
    if not names:
        raise WrongInput(f"{policy_path} has no pool: nothing matches its `select`; see `stoker pools`")
    paths = named_files(policy, policy_path, histories)
    missing = [name for name in names if name not in paths]
    if missing and since is None:
        remedy = f"add --since 14d to read the provider, --history {missing[0]}=FILE, or remove the pool from the policy"
        raise WrongInput(f"no history for {', '.join(missing)}: {remedy}")
    try:
        opened = {name: open_history(path) for name, path in paths.items()}
    except HistoryError as error:
        raise WrongInput(str(error)) from error
    if since is not None and missing:
        opened |= from_provider([pool for pool in policy.pools if pool.name in missing], since, clouds)
    return {name: opened[name] for name in names}


def named_files(policy: "Policy", policy_path: Path, histories: tuple[str, ...]) -> dict[str, Path]:
    """Return the file that `--history` names for each pool. Raise `WrongInput`."""
    from controller.cli.policy_file import no_pool_text

    names = [pool.name for pool in policy.pools]
    paths: dict[str, Path] = {}
    for option in histories:
        name, equals, file = option.partition("=")
        if not equals or not name or not file:
            raise WrongInput(f"--history {option}: write it as POOL=FILE")
        if name not in names:
            raise WrongInput(f"--history {option}: {no_pool_text(policy, name, policy_path)}")
        if name in paths:
            raise WrongInput(f"--history {option}: pool {name} already has a history; give one file per pool")
        paths[name] = Path(file)
    return paths


def from_provider(pools: "Sequence[PoolPolicy]", since: str, clouds: Clouds) -> "dict[str, History]":
    """Return the demand of pools since a time, as `stoker history` would have written it.

    Raise `WrongInput` for a pool whose demand source has no history, `Failed` for one that cannot be read.
    """
    import asyncio

    from adapters.demand.history_file import History, cleaned
    from adapters.demand.history_times import StampStyle
    from adapters.runtime.clock import SystemClock
    from controller.cli.history.history import NO_HISTORY, between_known, read_demand
    from controller.preflight.recent_demand import HISTORY

    start = since_of(since, SystemClock().now(), HISTORY)
    with progress_of("reading metrics", len(pools)) as advance:
        found = asyncio.run(read_demand(pools, *clouds, start, lambda _: advance(1)))
    recorded, failed = {}, []
    for pool in pools:
        demand = found[pool.name]
        if demand == NO_HISTORY:
            raise WrongInput(f"{pool.name}: {NO_HISTORY} for --history {pool.name}=FILE")
        series = demand if isinstance(demand, str) else between_known(demand)
        if series is None or isinstance(series, str):
            why = series or f"no data since {start:%Y-%m-%d %H:%M} UTC: check the name of the resource in the policy"
            failed.append(f"{pool.name}: {why}")
            continue
        note(f"{pool.name}: {len(series)} minutes read, {1 - series.known.mean():.1%} unknown")
        recorded[pool.name] = History(Path("metrics"), cleaned(series)[0], StampStyle())
    if failed:
        raise Failed("\n".join(failed))
    return recorded


def check_known(recorded: "dict[str, History]", begin: int | None) -> None:
    """Warn of contradictory rows. Raise `WrongInput` when these rows and gaps leave no minute of a history to replay."""
    from adapters.demand.history_file import HistoryError
    from controller.preflight import history_check

    for name, history in recorded.items():
        try:
            history_check.check_known(history, 0 if begin is None else begin - history.series.first_minute)
        except HistoryError as error:
            raise WrongInput(f"{name}: {error}") from error
    for name, history in recorded.items():
        for text in history_check.warnings_of(history):
            warn(f"{name}: {text}")


def start_minute(start: str, recorded: "dict[str, History]") -> int:
    """Return the minute that `--start` names. Raise `WrongInput` when it is outside any history."""
    from adapters.demand.history_times import minute_at
    from forecasting.demand import instant_of

    minute = minute_at(start)
    if isinstance(minute, str):
        raise WrongInput(f"--start: {minute}")
    for name, history in recorded.items():
        first, end = history.series.first_minute, history.series.end_minute
        if not first <= minute < end:
            span = f"{instant_of(first):%Y-%m-%dT%H:%MZ} to {instant_of(end - 1):%Y-%m-%dT%H:%MZ}"
            raise WrongInput(f"--start {start}: the history of {name} covers {span}; choose a time within it")
    return minute
