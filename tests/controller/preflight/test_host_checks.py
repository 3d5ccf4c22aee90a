"""What is found of the machine itself."""

from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.ports.diagnostics import Verdict
from config.model.notify import Sink
from controller.preflight.host_checks import DISK_FAIL, DISK_WARN, disk, local_findings
from controller.store.state_dir import STORE_NAME
from controller.store.state_store import Store
from tests.builders import NOON, pool_policy
from tests.worlds import policy_of


def found(state_dir, now=NOON):
    return {finding.check: finding for finding in local_findings(policy_of([pool_policy()]), state_dir, now)}


def test_a_missing_state_folder_is_ok_and_is_not_created(tmp_path):
    told = found(tmp_path / "deep" / "state")

    assert {finding.verdict for finding in told.values()} == {Verdict.OK}
    assert list(tmp_path.iterdir()) == []


def test_checking_leaves_no_file_in_a_folder(tmp_path):
    assert found(tmp_path)["state folder"].verdict is Verdict.OK
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_the_state_folder_is_reported(tmp_path):
    (tmp_path / "state").write_text("")

    assert found(tmp_path / "state")["state folder"].verdict is Verdict.FAIL


def test_a_running_daemon_is_reported_and_not_disturbed(tmp_path):
    store = Store(tmp_path / STORE_NAME)
    try:
        told = found(tmp_path)["daemon"]
    finally:
        store.close()

    assert told.verdict is Verdict.WARN
    assert found(tmp_path)["daemon"].verdict is Verdict.OK


@pytest.mark.parametrize(("free", "verdict"), [
    (DISK_WARN, Verdict.OK), (DISK_WARN - 1, Verdict.WARN), (DISK_FAIL - 1, Verdict.FAIL),
])
def test_low_disk_space_is_reported(free, verdict):
    told = disk("state", free)

    assert told == replace(told, verdict=verdict)


def test_a_sink_at_a_metadata_service_is_a_warning(tmp_path, monkeypatch):
    monkeypatch.setenv("HOOK", "http://169.254.170.2/")
    sink = Sink(name="on-call", kind="webhook", url_env="HOOK")
    told = local_findings(policy_of([pool_policy()]).model_copy(update={"notify": (sink,)}), tmp_path, NOON)

    assert [(each.subject, each.verdict) for each in told if each.check == "addresses"] == [
        ("HOOK of notify sink on-call", Verdict.WARN)]
    assert "addresses" not in found(tmp_path)


def test_outdated_time_zone_data_is_reported(tmp_path):
    told = found(tmp_path, NOON + timedelta(days=3650))["time zones"]

    assert told.verdict is Verdict.WARN
    assert "tzdata" in told.remedy
