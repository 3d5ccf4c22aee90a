"""`stoker diff` shows what changes between two policy files."""

import json

import pytest
from click.testing import CliRunner

from controller.cli import main

LEVER = "{{kind: lambda-provisioned-concurrency, region: us-east-1, function: {0}, alias: live}}"
POOL = "  - {{name: {0}, lever: " + LEVER + ", max: {1}}}\n"


@pytest.fixture
def files(tmp_path):
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text("version: 1\npools:\n" + POOL.format("a", 5) + POOL.format("b", 6))
    new.write_text("version: 1\nlimits: {usd_per_hour: 5}\npools:\n" + POOL.format("b", 7) + POOL.format("c", 1))
    return str(old), str(new)


def test_the_difference_is_shown_pool_by_pool(files):
    shown = CliRunner().invoke(main, ["diff", *files])

    assert shown.exit_code == 0
    assert shown.stdout.splitlines() == [
        "+ pool c", "- pool a", "~ pool b", "    max: 6 -> 7", "~ limits.usd_per_hour: absent -> 5.0",
        "pools: 1 added, 1 removed, 1 changed; changed for all pools: limits"]


def test_json_has_both_values(files):
    body = json.loads(CliRunner().invoke(main, ["diff", *files, "--json"]).stdout)

    assert body == {"schema": "stoker/diff/v1", "added": ["c"], "removed": ["a"],
                    "changed": {"b": [{"key": "max", "old": 6, "new": 7}]},
                    "fleet": [{"key": "limits.usd_per_hour", "old": None, "new": 5.0}], "needs_restart": []}


def test_equal_files_have_no_difference(files):
    assert CliRunner().invoke(main, ["diff", files[0], files[0]]).stdout == "no difference\n"


def test_an_invalid_file_is_exit_code_2(files, tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("version: 1\npools: [")
    shown = CliRunner().invoke(main, ["diff", files[0], str(broken)])

    assert shown.exit_code == 2
    assert "broken.yaml:" in shown.stderr
