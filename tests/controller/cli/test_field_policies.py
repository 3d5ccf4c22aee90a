"""Policies and histories as people reported them, through the command line: what is said, and how it ends."""

import pytest
from click.testing import CliRunner

from controller.cli import main

POOL = """version: 1
pools:
  - name: support-agent
    lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: support-agent, alias: live}
    max: 50
"""
HEAD = "timestamp,invocations,avg_concurrency,max_concurrency\n"


def scheduled(cron, *, timezone="UTC", duration="1h"):
    return (f"{POOL}    schedules:\n      - cron: {cron}\n        timezone: {timezone}\n"
            f"        duration: {duration}\n        min: 3\n")


def validated(tmp_path, text):
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    done = CliRunner().invoke(main, ["validate", str(path)])
    return done.exit_code, done.stdout, done.stderr.replace(f"{path}:", "")


@pytest.mark.parametrize(("text", "says"), [
    (scheduled("*/5 * * * *"), '7:15 * starts an alias in YAML: quote the value: cron: "*/5 * * * *"'),
    (scheduled("@daily"), '7:15 @ cannot start a value in YAML: quote the value: cron: "@daily"'),
    (POOL.replace("    max", "\tmax"), "5:1 a tab indents this line: YAML allows only spaces; replace each tab with two spaces"),
    (POOL.replace("live}", '"${STAGE}"}'), "Stoker does not expand variables: write the value"),
    (POOL.replace("function: support-agent", "function: $FUNCTION"), "Stoker does not expand variables: write the value"),
    (POOL.replace("us-east-1", '"{{ region }}"'), "Stoker does not expand variables: write the value"),
    (POOL.replace("live}", "7}"), "4:102 pools[0].lever.alias: 7 is a version number, which changes with every deployment"),
    (POOL.replace("function: support-agent", 'function: "arn:aws:lambda:us-east-1:123456789012:function:a:live"'),
     "is the ARN of a function with a qualifier: write function: a and alias: live"),
])
def test_an_error_is_one_line_with_place_and_remedy(tmp_path, text, says):
    code, _, told = validated(tmp_path, text)

    assert code == 2
    assert says in told
    assert len(told.splitlines()) == 1


def test_of_several_invalid_levers_only_their_own_errors_are_reported(tmp_path):
    latest = POOL.replace("live}", "$LATEST}")
    pools = latest.partition("pools:\n")[2]
    run = "  - {name: c, max: 5, lever: {kind: cloud-run-min-instances, project: acme, location: europe-west1}}\n"
    code, _, told = validated(tmp_path, latest + pools.replace("name: support-agent", "name: b", 1) + run)

    assert code == 2
    assert [line.partition(": ")[0] for line in told.replace("stoker: ", "").splitlines()] == [
        "4:102 pools[0].lever.alias", "7:102 pools[1].lever.alias", "9:30 pools[2].lever.service"]
    assert "publish a version" in told
    assert "already sets" not in told


def test_blanks_around_a_cron_expression_do_not_count_and_its_windows_are_listed(tmp_path):
    code, out, told = validated(tmp_path, scheduled('"  30  6 *  *  1-5 "', timezone="Europe/Prague", duration="15h40m"))

    assert code == 0
    assert out.count("06:30") == 3
    assert "22:10" in out
    assert "day of week 1-5 is mon-fri" in told


def test_a_merge_key_brings_its_keys(tmp_path):
    merged = POOL.replace("pools:", "x-common: &c {max: 50, mode: active}\npools:").replace("    max: 50", "    <<: *c")
    code, out, told = validated(tmp_path, merged)

    assert (code, told) == (0, "")
    assert "1 active" in out


def test_schedules_without_effect_and_misleading_days_and_zones_are_warnings(tmp_path):
    text = (POOL + "    min: 5\n    schedules:\n"
            '      - {name: weekends off, cron: "0 0 * * sat", timezone: Europe/Prague, duration: 2d, min: 0}\n'
            '      - {name: office hours, cron: "0 8 * * 2-6", timezone: EST, duration: 9h, min: 9}\n')
    code, out, told = validated(tmp_path, text)

    assert code == 0
    assert "weekends off Sat" in " ".join(out.split())
    assert "8:95 pools[0].schedules[0].min: min 0 has no effect: the pool's min is 5" in told
    assert "pools[0].schedules[1].timezone: EST has no summer time: write America/New_York" in told
    assert "day of week 2-6 is tue-sat" in told
    assert "it is mon-fri" in told


@pytest.mark.parametrize(("rows", "says"), [
    (",30,0,0", "history.csv:2: invocations is 30 and avg_concurrency 0 at a max_concurrency of 0"),
    (",30,,", "is empty in all 5 rows, so that demand is unknown"),
])
def test_a_backtest_of_an_empty_history_fails_with_the_reason(tmp_path, rows, says):
    policy, history = tmp_path / "policy.yaml", tmp_path / "history.csv"
    policy.write_text(POOL + "    memory_mb: 1024\n")
    history.write_text(HEAD + "".join(f"2026-03-02T00:0{minute}:00Z{rows}\n" for minute in range(5)))
    done = CliRunner().invoke(main, ["backtest", "--policy", str(policy), "--history", f"support-agent={history}"])

    assert done.exit_code == 2
    assert says in done.stderr
    assert "100" not in done.stdout
