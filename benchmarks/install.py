"""What an install of the wheel takes: megabytes on disk by extra, as `du -m` counts them, and the time of `stoker --help`.

    python benchmarks/install.py [EXTRA,EXTRA...] ...

Builds the wheel of this tree and installs it into new virtual environments, with packages from pip's index. Limit: 0.15 s for
`stoker --help` on an idle machine. On a busy one, read the processor time instead: both are the least of 20 runs.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
RUNS = 20


def main(combinations: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
        subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
        [wheel] = Path(folder).glob("*.whl")
        for at, extras in enumerate(combinations):
            installed = Path(folder) / f"env-{at}"
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", installed], check=True)
            subprocess.run([sys.executable, "-m", "pip", "--python", installed / "bin" / "python", "install", "--quiet",
                            f"{wheel}[{extras}]" if extras else str(wheel)], check=True)
            wall, processor = least_times(installed)
            size = megabytes(installed)
            print(f"{extras or 'no extra'}: {size:.0f} MB; stoker --help {wall:.3f} s, processor {processor:.3f} s")


def megabytes(folder: Path) -> float:
    return sum(path.lstat().st_blocks for path in folder.rglob("*")) * 512 / 2**20


def least_times(installed: Path) -> tuple[float, float]:
    walls, processor = [], []
    for _ in range(RUNS):
        start, before = time.perf_counter(), sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
        subprocess.run([installed / "bin" / "stoker", "--help"], check=True, stdout=subprocess.DEVNULL)
        walls.append(time.perf_counter() - start)
        processor.append(sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]) - before)
    return min(walls), min(processor)


if __name__ == "__main__":
    main(sys.argv[1:] or ["", "aws"])
