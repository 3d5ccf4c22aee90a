"""Warnings about settings without the expected effect, with their places in the file."""

import pytest
from click.testing import CliRunner

from controller.cli import main

ALIAS = "region: us-east-1, function: agent, alias: live"
BASE, TOP = f"{{kind: lambda-provisioned-concurrency, {ALIAS}}}", f"{{kind: lambda-ping, {ALIAS}, handler: stoker}}"
RUN = "{kind: cloud-run-min-instances, project: acme-project, location: europe-west1, service: chat}"
SECOND = "objective: {cold_start_cost_usd_per_second: 0.006}"


@pytest.fixture
def warnings(tmp_path):
    """The warnings of `stoker validate` on a pool of these lines, without the name of the file."""
    def of(*lines: str, defaults: str = "") -> list[str]:
        path = tmp_path / "policy.yaml"
        body = "".join(f"    {line}\n" for line in lines)
        path.write_text(f"version: 1\n{defaults}pools:\n  - name: agent\n    max: 5\n{body}")
        done = CliRunner().invoke(main, ["validate", str(path)])
        assert done.exit_code == 0, done.output
        return [line.removeprefix(f"stoker: warning: {path}:") for line in done.stderr.splitlines()]
    return of


NOT_MEASURED = ("lambda-provisioned-concurrency does not measure the initialisation: each cold start costs this times 8 s; set "
                "init_seconds")


def test_a_price_per_second_without_a_measured_initialisation_is_a_warning(warnings):
    assert warnings(f"lever: {BASE}", SECOND) == [f"6:49 pools[0].objective.cold_start_cost_usd_per_second: {NOT_MEASURED}"]
    assert warnings(f"levers: [{BASE}]", defaults=f"defaults: {{{SECOND}}}\n") == [
        f"2:56 defaults.objective.cold_start_cost_usd_per_second: {NOT_MEASURED}"]


@pytest.mark.parametrize("lines", [
    (f"lever: {BASE}", SECOND, "init_seconds: 3"), (f"levers: [{BASE}, {TOP}]", SECOND), (f"lever: {TOP}", SECOND),
    (f"lever: {RUN}", SECOND), (f"lever: {BASE}",)])
def test_a_known_or_measured_initialisation_is_no_warning(warnings, lines):
    assert warnings(*lines) == []
