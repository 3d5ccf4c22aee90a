"""A real daemon looks ahead in a process of its own, and leaves none behind."""

import asyncio
import json
import signal
from pathlib import Path

import aiohttp

from tests.e2e.daemons import daemon, policy_text, sandbox_of, serving, steady_history, stoker
from tests.patience import PATIENCE_SECONDS


def workers_of(process: int) -> set[int]:
    """Processes that another one began."""
    begun = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rpartition(")")[2].split()[1]) == process:
                begun.add(int(stat.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return begun


def is_running(process: int) -> bool:
    return Path(f"/proc/{process}/exe").exists()


async def shown(address: str) -> dict:
    return json.loads((await stoker("status", "agent", "--json", "--url", address))[1])


async def foretold_of(address: str) -> list[float]:
    """The forecast of this minute, as it is scraped."""
    async with aiohttp.ClientSession() as session, session.get(f"{address}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return [float(line.split()[-1]) for line in lines if line.startswith("stoker_forecast_peak_units{")]


async def test_a_worker_process_plans_the_next_hours_and_ends_with_the_daemon(tmp_path):
    sandbox, policy = sandbox_of(), tmp_path / "policy.yaml"
    sandbox.add_function("agent", steady_history(5, days=1.5), init_seconds=0.1)
    policy.write_text(policy_text("agent", low=1))
    async with serving(sandbox) as url, daemon(policy, tmp_path / "state", url, "--tick-seconds", "2") as run:
        await run.until(lambda: run.told("first-tick"))
        address = (tmp_path / "state" / "url").read_text().strip()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (pool := await shown(address))["next"] is None:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
            while (foretold := await foretold_of(address)) == []:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        code, text, _ = await stoker("forecast", "agent", "--policy", str(policy), "--state-dir", str(tmp_path / "state"))
        workers = workers_of(run.process.pid)
        ended = await run.end(signal.SIGTERM)

    assert {units for _, units in pool["next"]} == {pool["target"]}
    assert len(foretold) == 3
    assert all(abs(units - 5) < 1 for units in foretold)
    assert (code, "Planned targets if demand follows the forecast" in text) == (0, True)
    assert workers
    assert ended == 0
    assert run.told("stopped")
    assert not [line for line in run.lines[run.lines.index(run.told("stopping")[0]):] if line["event"] == "forecast-failed"]
    assert not {worker for worker in workers if is_running(worker)}
