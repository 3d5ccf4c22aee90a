"""Agreement of ledger, emulator and backtest for every lever: `python -m benchmarks.agreement [--traces DIR]`.

It runs the demo's emulators (every lever, 3 seeds) and, with `--traces`, 5 recordings spread over a folder, each with the
daemon's components in virtual time. It prints the figures of ledger, emulator and backtest for the same settled minutes. Cold
starts and savings have a range where the keep-alive has one. A figure is bold when its range is too far from the emulator's
figure: cold starts by 5 % and more than 1, requests by 1 %, the bill by 3 %, and savings by the sum of these deviations.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import structlog
from numpy.random import PCG64, Generator

from controller.demo.lever_settings import CLOUD_RUN, LAYERS, PING, PROVISIONED, URL
from controller.demo.scenarios import Scenario, every_lever, invented, recorded
from tests.witnesses import Compared, Figures, Said, only, play

SEEDS, TRACES = (7, 8, 9), 5
TITLES = {"cold_starts": "cold starts", "cold_starts_without": "without Stoker", "requests": "requests", "bill_usd": "bill, USD",
          "saved_usd": "saved, USD"}
DIGITS = {"bill_usd": 3, "saved_usd": 3}


def scenes(arguments: argparse.Namespace) -> Iterator[tuple[str, int, Scenario]]:
    """Yield title, seed and scenario of each run."""
    lasting = timedelta(hours=arguments.hours)
    for seed in arguments.seeds:
        scene, batches = every_lever(Generator(PCG64(seed)), lasting), invented(Generator(PCG64(seed)), lasting)
        yield f"seed {seed}", seed, only(scene, [kind for kind in arguments.levers if kind != LAYERS])
        yield f"seed {seed}", seed, only(scene, [kind for kind in arguments.levers if kind == LAYERS])
        yield f"seed {seed}", seed, only(replace(batches, pools=batches.pools[1:]), arguments.levers)
    for path in chosen(arguments.traces, arguments.only):
        scene = recorded(path, None, timedelta(hours=arguments.trace_hours), LAYERS if arguments.layers else PROVISIONED)
        yield "recorded", arguments.seeds[0], scene


def chosen(folder: Path | None, names: str | None) -> list[Path]:
    """Return the recordings of `folder` whose names contain one of `names`; without `names`, 5 spread over the folder."""
    if folder is None:
        return []
    paths = sorted(folder.glob("*.csv.gz"))
    if names is not None:
        return [path for path in paths if any(part in path.name for part in names.split(","))]
    return [paths[at * len(paths) // TRACES] for at in range(min(TRACES, len(paths)))]


def row(title: str, pool: Compared) -> str:
    """Return a row of the table, with each figure as ledger / emulator / backtest."""
    off = {witness: pool.off(witness) for witness in ("accounts", "backtest")}
    cells = []
    for name in Figures._fields:
        digits = DIGITS.get(name, 0)
        ledger, backtest = (bold(ranged(said, name, digits), name in off[witness])
                          for witness, said in (("accounts", pool.accounts), ("backtest", pool.backtest)))
        cells.append(f"{ledger} / {getattr(pool.emulator, name):.{digits}f} / {backtest}")
    return f"| {pool.kind}, {pool.pool}, {title}, {pool.minutes} min | {' | '.join(cells)} |"


def ranged(said: Said, name: str, digits: int) -> str:
    """Return a figure, with its range over the keep-alive unless both ends round to the same number."""
    figure, low, high = (f"{value:.{digits}f}" for value in (getattr(said.figures, name), *said.ends(name)))
    return figure if low == high else f"{figure} ({low} to {high})"


def bold(text: str, marked: bool) -> str:
    return f"**{text}**" if marked else text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=3.0, help="simulated hours of the demo")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--levers", nargs="*", default=(PROVISIONED, PING, URL, CLOUD_RUN, LAYERS))
    parser.add_argument("--traces", type=Path, help="folder of recordings")
    parser.add_argument("--trace-hours", type=float, default=8.0, help="simulated hours of each recording")
    parser.add_argument("--layers", action="store_true", help="play recordings with pings above provisioned concurrency")
    parser.add_argument("--only", help="comma-separated parts of the recordings' names")
    parser.add_argument("--keep-alive", type=float, help="keep-alive in minutes for every lever")
    parser.add_argument("--skip", type=int, default=20, help="number of first minutes to skip")
    arguments = parser.parse_args()
    structlog.configure(processors=[lambda *_: (_ for _ in ()).throw(structlog.DropEvent)])
    print(f"| lever, pool | {' | '.join(TITLES.values())} |\n|{'---|' * (len(TITLES) + 1)}", flush=True)
    keep_alive = None if arguments.keep_alive is None else timedelta(minutes=arguments.keep_alive)
    began = time.process_time()
    for title, seed, scene in scenes(arguments):
        if not scene.pools:
            continue
        with tempfile.TemporaryDirectory() as folder:
            for pool in asyncio.run(play(scene, Path(folder), seed, skip=arguments.skip, keep_alive=keep_alive)):
                print(row(title, pool), flush=True)
    print(f"\n{time.process_time() - began:.0f} s of processor time")


if __name__ == "__main__":
    main()
