"""Leaders are killed, frozen and stopped in turn while operators keep ordering; what the provider got to see is judged.

`python -m tests.e2e.failover --minutes 10` plays for so long and prints what came of it; 1 when a promise was broken.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import logging
import re
import signal
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import numpy as np

from tests.e2e.daemons import Daemon, daemon, policy_text, sandbox_of, serving

PUT, AHEAD = "PutProvisionedConcurrencyConfig", "PutScheduledAction"
POOLS = ("agent", "chat", "batch")
FLOOR, TTL, TICK = 3, 3.0, 0.5
TOKEN = "correct-horse-battery-staple"
KILL, FREEZE, STOP = "killed", "frozen", "stopped"


@dataclass
class Report:
    """`takeovers`: seconds from the deed until another led, by deed. `wanted`: units that each pool was ever ordered to have.
    `dips`: pools seen below their floor, or without all of it ready, once they had been there. `ahead`: numbers under which the
    provider was told what to do should all daemons die. `left`: pools about which it was told nothing.
    """

    takeovers: dict[str, list[float]] = field(default_factory=dict)
    orders: int = 0
    refused: int = 0
    writes: list[tuple[str, int, int]] = field(default_factory=list)
    wanted: dict[str, set[int]] = field(default_factory=lambda: {pool: set() for pool in POOLS})
    ahead: list[int] = field(default_factory=list)
    left: set[str] = field(default_factory=set)
    looks: int = 0
    dips: list[str] = field(default_factory=list)

    def broken(self) -> list[str]:
        """The promises that were not kept."""
        said = list(self.dips)
        for pool in POOLS:
            mine = [(units, number) for name, units, number in self.writes if name == pool]
            said += [f"{pool}: {units} was never ordered" for units, _ in mine[1:] if units not in self.wanted[pool]]
            said += [f"{pool}: {now} after {before}" for before, now in itertools.pairwise(mine) if now[0] == before[0]]
        for numbers in ([number for *_, number in self.writes], self.ahead):
            said += [f"number {now} after {before}" for before, now in itertools.pairwise(numbers) if now < before]
        return said + [f"{pool}: nothing is told ahead" for pool in sorted(self.left)]

    def text(self) -> str:
        """For people."""
        numbers = sorted({number for *_, number in self.writes})
        lines = [f"{self.orders} orders taken, {self.refused} refused by daemons that stood by or were gone",
                 f"{len(self.writes)} writes took effect under {len(numbers)} fencing numbers ({numbers[0]} to {numbers[-1]})",
                 f"{len(self.ahead)} times was it told what to do should all die",
                 f"{self.looks} looks at the provider, {len(self.dips)} dips"]
        lines += [f"{deed}: {len(spans)} takeovers, median {statistics.median(spans):.1f} s, longest {max(spans):.1f} s"
                  for deed, spans in self.takeovers.items()]
        return "\n".join([*lines, *(f"BROKEN: {each}" for each in self.broken())])


class Play:
    """Two daemons by name, whoever leads of them, and what is ordered."""

    def __init__(self, folder: Path, lease: str) -> None:
        self.folder, self.report = folder, Report()
        self.sandbox = sandbox_of(**dict.fromkeys(POOLS, 2.0))
        self.sandbox.tables["stoker-lease"] = {}
        self.policy, token = folder / "policy.yaml", folder / "token"
        self.policy.write_text(policy_text(*POOLS, low=FLOOR).replace("{mode:", "{dead_man: {after: 10m}, mode:") + lease)
        token.write_text(TOKEN)
        self.more = ("--tick-seconds", str(TICK), "--lease-seconds", str(TTL), "--token-file", str(token))
        self.runs: dict[str, Daemon] = {}
        self.stack = contextlib.AsyncExitStack()
        self.least = dict.fromkeys(POOLS, 0)
        """What each pool must not be below any more: its floor, once that was ready."""
        self.rng = np.random.default_rng(7)

    async def start(self, name: str, url: str) -> Daemon:
        run = await self.stack.enter_async_context(daemon(self.policy, self.folder / name, url, *self.more))
        await run.until(lambda: run.told("first-tick") and (run.told("standby") or run.told("leading")))
        self.runs[name] = run
        return run

    def leader(self) -> str | None:
        """Who was the last to say that it leads."""
        said = [(max(line["fencing"] for line in run.told("leading")), name) for name, run in self.runs.items()
                if run.told("leading")]
        return max(said)[1] if said else None

    async def order(self, session: aiohttp.ClientSession) -> None:
        """Somebody orders another number of units, at whatever daemon answers."""
        pool = POOLS[int(self.rng.integers(len(POOLS)))]
        units = FLOOR + int(self.rng.integers(1, 12))
        body = {"kind": "pin", "units": units, "for": "1h", "reason": "test", "by": "ana"}
        self.report.wanted[pool].add(units)
        for run in list(self.runs.values()):
            try:
                async with session.post(f"{run.told('listening')[0]['url']}/v1/pools/{pool}/overrides", json=body,
                                        timeout=aiohttp.ClientTimeout(2)) as answer:
                    if answer.status == 200:
                        self.report.orders += 1
                        return
            except (aiohttp.ClientError, TimeoutError):
                pass
            self.report.refused += 1

    async def orders(self) -> None:
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session:
            while True:
                await self.order(session)
                await asyncio.sleep(float(self.rng.uniform(0.3, 1.2)))

    async def look(self) -> None:
        """Whether the provider shows any pool below its floor."""
        while True:
            for pool in POOLS:
                capacity = self.sandbox.hosted(pool).function.capacity("live")
                shown = min(capacity.requested, capacity.available)
                self.report.looks += 1
                if shown < self.least[pool]:
                    self.report.dips.append(f"{pool}: {shown} below the floor {FLOOR}")
                if shown >= FLOOR:
                    self.least[pool] = FLOOR
            await asyncio.sleep(0.02)

    async def deed(self, what: str, url: str) -> None:
        """Do something to the leader; when another leads, bring the former one back."""
        name = self.leader()
        assert name is not None
        other = next(each for each in self.runs if each != name)
        run, began, led = self.runs[name], time.monotonic(), len(self.runs[other].told("leading"))
        if what == STOP:
            ending = asyncio.create_task(run.end(signal.SIGTERM))
        else:
            run.process.send_signal(signal.SIGKILL if what == KILL else signal.SIGSTOP)
        await self.runs[other].until(lambda: len(self.runs[other].told("leading")) > led)
        self.report.takeovers.setdefault(what, []).append(time.monotonic() - began)
        if what == FREEZE:
            lost = len(run.told("lease-lost"))
            await asyncio.sleep(TTL / 2)
            run.process.send_signal(signal.SIGCONT)
            await run.until(lambda: len(run.told("lease-lost")) > lost)
            return
        if what == STOP:
            assert await ending == 0
        else:
            await run.process.wait()
        await self.start(name, url)

    async def run(self, deeds, lull: float) -> Report:
        """Each deed after a while of peace."""
        async with self.stack, serving(self.sandbox) as url:
            for name in ("ada", "bob"):
                await self.start(name, url)
            await self.runs["ada"].until(lambda: {write.function for write in self.sandbox.calls.accepted(PUT)} == {*POOLS})
            beside = [asyncio.create_task(each) for each in (self.orders(), self.look())]
            try:
                for what in deeds:
                    await asyncio.sleep(lull)
                    await self.deed(what, url)
                await asyncio.sleep(2 * TICK)
            finally:
                for task in beside:
                    task.cancel()
                ended = await asyncio.gather(*beside, return_exceptions=True)
            for each in ended:
                if not isinstance(each, asyncio.CancelledError):
                    raise each
            calls, told = self.sandbox.calls, {action["ResourceId"] for action in self.sandbox.scheduled_actions}
            self.report.writes = [(write.function, write.value, number_of(write)) for write in calls.accepted(PUT)]
            self.report.ahead = [number_of(write) for write in calls.accepted(AHEAD)]
            self.report.left = {pool for pool in POOLS if f"function:{pool}:live" not in told}
            await self.stack.aclose()
        return self.report


def number_of(write) -> int:
    """The fencing number that a write carries."""
    return int(re.search(r"fencing/(\d+)", write.agent)[1])


def lease_of(kind: str, folder: Path) -> str:
    return {"sqlite": f"lease: {{kind: sqlite, path: {folder / 'lease.db'}}}\n",
            "dynamodb": "lease: {kind: dynamodb, region: us-east-1, table: stoker-lease}\n"}[kind]


def until(minutes: float):
    """Deeds in turn for so long."""
    end = time.monotonic() + minutes * 60
    return itertools.takewhile(lambda _: time.monotonic() < end, itertools.cycle((KILL, FREEZE, STOP)))


def main() -> int:
    asked = argparse.ArgumentParser(description="Kill, freeze and stop leaders under load, and judge what the provider saw.")
    asked.add_argument("--minutes", type=float, default=10)
    asked.add_argument("--lease", choices=("sqlite", "dynamodb"), default="sqlite")
    given = asked.parse_args()
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory() as folder:
        play = Play(Path(folder), lease_of(given.lease, Path(folder)))
        report = asyncio.run(play.run(until(given.minutes), 4.0))
    print(report.text())
    print(json.dumps({"orders": report.orders, "writes": len(report.writes), "broken": report.broken()}))
    return 1 if report.broken() else 0


if __name__ == "__main__":
    sys.exit(main())
