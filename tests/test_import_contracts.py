"""Breaking an import contract fails the check: one forbidden import per contract."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.patience import PATIENCE_SECONDS
from tests.sources import PACKAGES, ROOT

BREACHES = {
    "Packages import in one direction": ("config/model/policy.py", "import controller.decision.planning.plan"),
    "The controller is built in layers": ("controller/store/codec.py", "import controller.fleet.tick"),
    "Deciding is built in layers": ("controller/decision/costs/bill.py", "import controller.decision.planning.plan"),
    "Adapters do not import each other": ("adapters/demand/history_file.py", "import adapters.simulated"),
    "Deciding is pure": ("controller/decision/planning/plan.py", "import asyncio"),
    "A provider's library is imported by its adapter only": ("controller/fleet/fleet.py", "import boto3"),
    "Statistics are fitted in one module": ("forecasting/demand.py", "import statsmodels"),
    "Terminal and scheduler libraries stay in the controller": ("adapters/simulated.py", "import rich"),
}
"""Contract -> a module, and the line at its top that breaks the contract."""


def contracts(tree: Path) -> dict[str, str]:
    """KEPT or BROKEN for each contract of the tree."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    told = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    found = dict(re.findall(r"^(.+?) (KEPT|BROKEN)\b", told.stdout, re.MULTILINE))
    assert found, told.stdout + told.stderr
    return found


@pytest.fixture
def copied(tmp_path) -> Path:
    """The sources and the contracts, to be spoilt."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.parametrize("contract", sorted(BREACHES))
def test_breaking_an_import_contract_fails_the_check(copied, contract):
    module, line = BREACHES[contract]
    path = copied / module
    path.write_text(f"{line}\n{path.read_text()}")

    assert contracts(copied).get(contract) == "BROKEN"


def test_every_import_contract_has_a_test_that_breaks_it():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]

    assert {contract["name"] for contract in declared} == set(BREACHES)
