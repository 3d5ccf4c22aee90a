"""Run time of commands: `python benchmarks/speed.py [HISTORY.csv.gz]`. Ratios to an empty Python, and CPU seconds.

Absolute times on a shared machine vary, so each figure is the minimum of 5 runs and has its ratio to the start of an empty Python
in the same run. `benchmarks/tick.py`, `status.py` and `start.py` measure the daemon.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SHARED = Path(__file__).resolve().parents[2] / "shared"
RUNS = 5
POLICY = """version: 1
pools:
  - name: pool
    lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: pool, alias: live}
    max: 100000
    memory_mb: 1024
    init_seconds: 8
"""


def least(command: list[str]) -> tuple[float, float]:
    """Return the minimum of wall-clock and CPU seconds over `RUNS` runs."""
    walls, cpus = [], []
    for _ in range(RUNS):
        before, start = os.times(), time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        walls.append(time.perf_counter() - start)
        after = os.times()
        cpus.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return min(walls), min(cpus)


def main() -> None:
    history = Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED / "traces" / "nasa_jul95_d0_14.csv.gz"
    stoker = str(Path(sys.executable).with_name("stoker"))
    with tempfile.TemporaryDirectory() as folder:
        policy, decisions = Path(folder, "policy.yaml"), str(Path(folder, "decisions.csv"))
        policy.write_text(POLICY)
        replay = [stoker, "backtest", "--policy", str(policy), "--history", f"pool={history}", "--decisions", decisions]
        commands = {
            "an empty Python": [sys.executable, "-c", "pass"], "stoker --help": [stoker, "--help"],
            "stoker schema": [stoker, "schema"], "stoker validate": [stoker, "validate", str(policy)],
            "stoker backtest, 14 days of a pool": replay,
        }
        print("| command | wall, s | CPU, s | wall, ratio |\n|---|---|---|---|")
        empty = None
        for name, command in commands.items():
            wall, cpu = least(command)
            empty = empty or wall
            print(f"| {name} | {wall:.2f} | {cpu:.2f} | {wall / empty:.1f} |", flush=True)


if __name__ == "__main__":
    main()
