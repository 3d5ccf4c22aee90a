"""The policy file is read again when its content has changed and has stayed so: not while it is being written."""

import asyncio
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from adapters.runtime.clock import ManualClock
from controller.daemon.policy_file import WATCH_SECONDS, PolicyFile
from tests.builders import NOON


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text("one")
    return path


def file_of(path):
    return PolicyFile(path, path.read_text)


def test_an_unchanged_file_is_not_read_again(path):
    file = file_of(path)
    path.write_text("one")

    assert [file.has_changed(), file.has_changed()] == [False, False]


def test_a_change_counts_from_the_second_look_on_and_once(path):
    file = file_of(path)
    path.write_text("two")

    assert [file.has_changed(), file.has_changed()] == [False, True]
    assert file.load() == "two"
    assert not file.has_changed()


def test_a_file_that_changes_at_each_look_is_not_used(path):
    file, found = file_of(path), []
    for at in range(5):
        path.write_text("x" * at)
        found.append(file.has_changed())

    assert not any(found)


def test_exchanged_symbolic_links_are_a_change(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "policy.yaml").write_text(name)
    data, path = tmp_path / "..data", tmp_path / "policy.yaml"
    data.symlink_to(tmp_path / "one")
    path.symlink_to(data / "policy.yaml")
    file = file_of(path)
    (tmp_path / "..new").symlink_to(tmp_path / "two")
    (tmp_path / "..new").rename(data)

    assert [file.has_changed(), file.has_changed()] == [False, True]
    assert file.load() == "two"


def test_a_deleted_file_is_logged_once_and_is_no_change(path):
    file = file_of(path)
    path.unlink()
    with capture_logs() as logs:
        found = [file.has_changed() for _ in range(3)]
    path.write_text("one")

    assert [each["event"] for each in logs] == ["policy-unreadable"]
    assert not any([*found, file.has_changed(), file.has_changed()])


async def test_the_watch_calls_once_for_each_change(path):
    clock, file, calls = ManualClock(NOON), file_of(path), []

    async def changed():
        calls.append(file.load())

    watch = asyncio.create_task(file.watch(clock, changed))
    for text in ("two", "two", "two", "three", "three", "three"):
        path.write_text(text)
        await clock.advance(timedelta(seconds=WATCH_SECONDS))
        await asyncio.sleep(0.05)
    watch.cancel()

    assert calls == ["two", "three"]
