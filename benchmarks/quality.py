"""Quality of the decisions by the referee: `python benchmarks/quality.py [--layers] [--traces DIR] [--referee FILE]
[--jobs N]`. With `--layers`, pings keep units warm above provisioned concurrency.

It runs the referee's suite at 3 cold-start costs and prints the mean relative costs, also by half: the rules were chosen on half
A only, half B is held out. A trace's half is the parity of its name's SHA-256.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

SHARED = Path(__file__).resolve().parents[2] / "shared"
PRICES = (0.01, 0.05, 0.25)
LIMIT = {0.01: 0.46, 0.05: 0.31, 0.25: 0.115}
LIMIT_WITH_LAYERS = {0.01: -0.50, 0.05: 0.15, 0.25: 0.095}
FEWEST = 20  # the referee also skips traces with fewer on-demand cold starts


def half(trace: str) -> str:
    return "AB"[int(hashlib.sha256(f"{trace}.csv.gz".encode()).hexdigest(), 16) % 2 == 1]


def suite(arguments: argparse.Namespace, price: float) -> list[dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "suite.json")
        command = [sys.executable, str(arguments.referee), "--cold-start-cost", str(price), "suite", str(arguments.traces),
                   "--jobs", str(arguments.jobs), "--json", str(out)]
        if arguments.layers:
            command.insert(2, "--layers")
        if arguments.only:
            command += ["--only", arguments.only]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"  # the referee calls `stoker` by name
        subprocess.run(command, check=True, stdout=sys.stderr, env=os.environ | {"PATH": path})
        rows: list[dict[str, float]] = json.loads(out.read_text())["rows"]
    return [row for row in rows if row["on_demand_cold"] >= FEWEST]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--traces", type=Path, default=SHARED / "traces")
    parser.add_argument("--referee", type=Path, default=SHARED / "score" / "score.py")
    parser.add_argument("--layers", action="store_true", help="provisioned concurrency with pings on top")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", help="comma-separated parts of trace names")
    arguments = parser.parse_args()
    limits = LIMIT_WITH_LAYERS if arguments.layers else LIMIT
    print("| cold-start cost | mean | half A | half B | median | worst | best peer | AWS target tracking (70 %) | limit |")
    print("|---|---|---|---|---|---|---|---|---|")
    for price in PRICES:
        rows = suite(arguments, price)
        stoker = np.array([row["stoker"] for row in rows])
        in_a = np.array([half(str(row["trace"])) == "A" for row in rows])
        peers = [name for name in rows[0] if name not in ("trace", "on_demand_cold", "stoker", "stoker_cold", "stoker_idle",
                                                          "seconds") and not name.endswith("*")]
        means = {name: float(np.mean([row[name] for row in rows])) for name in peers}
        best = min(means, key=lambda name: means[name])
        halves = " | ".join(f"{stoker[chosen].mean():.3f}" if chosen.any() else "-" for chosen in (in_a, ~in_a))
        print(f"| {price} USD | {stoker.mean():.3f} | {halves} | {np.median(stoker):.3f} | {stoker.max():.3f} | "
              f"{means[best]:.3f} ({best}) | {means['aws-target-tracking']:.3f} | {limits[price]} |", flush=True)


if __name__ == "__main__":
    main()
