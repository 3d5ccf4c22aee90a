"""State files belong to the daemon's user only, and are not written through links."""

import os
import stat
from contextlib import suppress

import pytest
import structlog

from adapters.leases.sqlite import SqliteLease
from adapters.runtime.files import make_private
from controller.daemon.jobs import store_state
from controller.store.state_store import Store, StoreError
from tests.services import serving


@pytest.fixture
def state(tmp_path):
    before = os.umask(0)
    yield tmp_path / "state"
    os.umask(before)


def modes(folder):
    """Mode of each file by name, without temporary files that are renamed in between."""
    found = {}
    for each in folder.iterdir():
        with suppress(FileNotFoundError):
            found[each.name] = oct(stat.S_IMODE(each.lstat().st_mode))
    return found


async def test_files_of_a_running_daemon_are_private_with_any_umask(state):
    async with serving(state) as world:
        await store_state(world.service.runtime, world.service._settings)
        during = modes(state)
    after = modes(state)

    assert {"stoker.db", "stoker.db-wal", "stoker.db-shm", "stoker.db.lock", "url"} <= set(during)
    assert any(name.startswith("learned-") for name in after)
    assert set(during.values()) | set(after.values()) == {"0o600"}
    assert stat.S_IMODE(state.stat().st_mode) == 0o700


async def test_files_with_wider_modes_are_made_private(state):
    async with serving(state):
        pass
    for each in (state, *state.iterdir()):
        each.chmod(0o755 if each.is_dir() else 0o644)
    with structlog.testing.capture_logs() as lines:
        async with serving(state):
            during = modes(state)

    assert set(during.values()) == {"0o600"}
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert not [line for line in lines if line["event"] == "state-exposed"]


async def test_a_folder_with_other_files_keeps_its_mode_and_is_logged(state):
    state.mkdir(mode=0o755)
    (state / "policy.yaml").touch()
    with structlog.testing.capture_logs() as lines:
        Store(state / "stoker.db").close()

    warning, = [line for line in lines if line["event"] == "state-exposed"]
    assert (warning["log_level"], warning["folder"]) == ("warning", str(state))
    assert stat.S_IMODE(state.stat().st_mode) == 0o755


@pytest.mark.parametrize("name", ["stoker.db", "stoker.db-wal", "stoker.db-shm", "stoker.db.lock"])
def test_a_linked_state_file_is_refused_by_name_and_its_target_unchanged(tmp_path, name):
    (tmp_path / "elsewhere").write_text("another's")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / name).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StoreError, match=rf"{name}: it is a symbolic link.*remove it"):
        Store(tmp_path / "state" / "stoker.db")
    assert (tmp_path / "elsewhere").read_text() == "another's"


def test_a_linked_folder_is_followed(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "state").symlink_to("disk")
    Store(tmp_path / "state" / "stoker.db").close()

    assert (tmp_path / "disk" / "stoker.db").is_file()


async def test_the_url_is_not_written_through_a_link(state):
    state.mkdir(mode=0o700)
    (state.parent / "elsewhere").write_text("another's")
    (state / "url").symlink_to(state.parent / "elsewhere")
    async with serving(state) as world:
        assert (state / "url").read_text().strip() == world.service.url

    assert (state.parent / "elsewhere").read_text() == "another's"
    assert not (state / "url").exists()


async def test_a_lease_file_is_private_and_no_link(state):
    state.mkdir()
    lease = SqliteLease(state / "lease.db")
    await lease.read()
    assert set(modes(state).values()) == {"0o600"}
    await lease.close()

    (state / "link.db").symlink_to("lease.db")
    linked = SqliteLease(state / "link.db")
    with pytest.raises(Exception, match="symbolic link"):
        await linked.read()
    await linked.close()


async def test_a_lease_file_writable_by_its_group_stays_so(state):
    state.mkdir()
    make_private(state / "lease.db")
    (state / "lease.db").chmod(0o660)
    lease = SqliteLease(state / "lease.db")
    await lease.read()
    await lease.close()

    assert modes(state)["lease.db"] == "0o660"
