"""Whether accounts, emulator and backtest agree, for every lever: `python -m benchmarks.agreement [--traces DIR]`.

Plays the demo's own clouds (every lever, three seeds) and, with `--traces`, five recordings spread over a folder, each on the
daemon's own parts in virtual time, and prints what the accounts, the emulator and the backtest say of the same settled minutes.
Where the keep-alive has a range, so have cold starts and savings. A figure whose range is further from the emulator's figure than
is allowed stands in bold: cold starts by 5 % and more than one, requests by 1 %, the bill by 3 %, and savings by what follows.
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

from controller.demo.lever_settings import CLOUD_RUN, PING, PROVISIONED, URL
from controller.demo.scenarios import Scenario, every_lever, invented, recorded
from tests.witnesses import Compared, Figures, Said, only, play

SEEDS, TRACES = (7, 8, 9), 5
TITLES = {"cold_starts": "cold starts", "cold_starts_without": "without Stoker", "requests": "requests", "bill_usd": "bill, USD",
          "saved_usd": "saved, USD"}
DIGITS = {"bill_usd": 3, "saved_usd": 3}


def scenes(arguments: argparse.Namespace) -> Iterator[tuple[str, int, Scenario]]:
    """What is played, each with its title and seed."""
    lasting = timedelta(hours=arguments.hours)
    for seed in arguments.seeds:
        scene, batches = every_lever(Generator(PCG64(seed)), lasting), invented(Generator(PCG64(seed)), lasting)
        yield f"seed {seed}", seed, only(scene, arguments.levers)
        yield f"seed {seed}", seed, only(replace(batches, pools=batches.pools[1:]), arguments.levers)
    for path in chosen(arguments.traces, arguments.only):
        scene = recorded(path, None, timedelta(hours=arguments.trace_hours))
        yield "recorded", arguments.seeds[0], scene


def chosen(folder: Path | None, names: str | None) -> list[Path]:
    """Recordings of `folder`: those whose names contain one of `names`, else five spread over it."""
    if folder is None:
        return []
    paths = sorted(folder.glob("*.csv.gz"))
    if names is not None:
        return [path for path in paths if any(part in path.name for part in names.split(","))]
    return [paths[at * len(paths) // TRACES] for at in range(min(TRACES, len(paths)))]


def row(title: str, pool: Compared) -> str:
    """A line of the table: each figure as accounts / emulator / backtest."""
    off = {witness: pool.off(witness) for witness in ("accounts", "backtest")}
    cells = []
    for name in Figures._fields:
        digits = DIGITS.get(name, 0)
        mine, foretold = (bold(ranged(said, name, digits), name in off[witness])
                          for witness, said in (("accounts", pool.accounts), ("backtest", pool.backtest)))
        cells.append(f"{mine} / {getattr(pool.emulator, name):.{digits}f} / {foretold}")
    return f"| {pool.kind}, {pool.pool}, {title}, {pool.minutes} min | {' | '.join(cells)} |"


def ranged(said: Said, name: str, digits: int) -> str:
    """A figure, with its range over the keep-alive where that can be seen."""
    figure, low, high = (f"{value:.{digits}f}" for value in (getattr(said.figures, name), *said.ends(name)))
    return figure if low == high else f"{figure} ({low} to {high})"


def bold(text: str, marked: bool) -> str:
    return f"**{text}**" if marked else text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=3.0, help="simulated hours of the demo's clouds")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--levers", nargs="*", default=(PROVISIONED, PING, URL, CLOUD_RUN))
    parser.add_argument("--traces", type=Path, help="a folder of recordings")
    parser.add_argument("--trace-hours", type=float, default=8.0, help="simulated hours of each recording")
    parser.add_argument("--only", help="comma-separated parts of the recordings' names")
    parser.add_argument("--keep-alive", type=float, help="minutes that the policy assumes of every lever")
    parser.add_argument("--skip", type=int, default=20, help="minutes left out at the beginning")
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
