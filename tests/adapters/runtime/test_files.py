"""Atomic writes, and private files that are never written through a link."""

import os
import re
import stat

import pytest

from adapters.runtime.files import make_private, private_folder, whole_file

OURS = re.compile("store.*")


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture(params=[0o000, 0o022, 0o777], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def written(path, text=b"new", **how):
    with whole_file(path, **how) as file:
        file.write(text)


def test_a_private_file_has_mode_0600_with_any_umask(tmp_path, umask):
    written(tmp_path / "url", private=True)
    make_private(tmp_path / "store")

    assert (mode(tmp_path / "url"), mode(tmp_path / "store")) == (0o600, 0o600)


def test_a_private_folder_has_mode_0700_with_any_umask(tmp_path, umask):
    assert private_folder(tmp_path / "state", OURS) is None
    assert mode(tmp_path / "state") == 0o700


def test_a_file_readable_by_others_is_restricted(tmp_path):
    path = tmp_path / "store"
    path.write_text("kept")
    path.chmod(0o644)
    make_private(path)

    assert (mode(path), path.read_text()) == (0o600, "kept")


def test_a_shared_folder_is_restricted_or_reported(tmp_path):
    ours, shared, closed = tmp_path / "ours", tmp_path / "shared", tmp_path / "closed"
    for folder, name in ((ours, "store.db"), (shared, "policy.yaml"), (closed, "policy.yaml")):
        folder.mkdir()
        (folder / name).touch()
        (folder / ".hidden").touch()
    closed.chmod(0o700)

    told = [private_folder(folder, OURS) for folder in (ours, shared, closed)]
    assert [mode(folder) for folder in (ours, shared)] == [0o700, 0o755]
    assert (told[0], "other files" in told[1], told[2]) == (None, True, None)


@pytest.mark.parametrize("target", ["there", "not-there"])
def test_a_link_is_not_opened_as_a_private_file(tmp_path, target):
    (tmp_path / "there").write_text("another's")
    (tmp_path / "there").chmod(0o644)
    (tmp_path / "store").symlink_to(tmp_path / target)

    with pytest.raises(OSError, match="symbolic link"):
        make_private(tmp_path / "store")
    assert ((tmp_path / "there").read_text(), mode(tmp_path / "there")) == ("another's", 0o644)
    assert not (tmp_path / "not-there").exists()


def test_a_link_is_replaced_by_a_private_file(tmp_path):
    (tmp_path / "there").write_text("another's")
    (tmp_path / "url").symlink_to(tmp_path / "there")
    written(tmp_path / "url", private=True)

    assert ((tmp_path / "there").read_text(), (tmp_path / "url").read_text()) == ("another's", "new")
    assert not (tmp_path / "url").is_symlink()


def test_the_next_writer_removes_files_of_a_killed_one(tmp_path):
    (tmp_path / ".url.0123456789abcdef.part").write_text("half")
    written(tmp_path / "url", private=True)

    assert [each.name for each in tmp_path.iterdir()] == ["url"]


def test_a_users_file_keeps_its_mode_or_follows_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        written(tmp_path / "out.csv")
    finally:
        os.umask(before)
    assert mode(tmp_path / "out.csv") == 0o640

    (tmp_path / "out.csv").chmod(0o600)
    written(tmp_path / "out.csv", b"newer")
    assert (mode(tmp_path / "out.csv"), (tmp_path / "out.csv").read_bytes()) == (0o600, b"newer")


def test_a_link_to_a_users_file_is_followed(tmp_path):
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "out.csv").symlink_to("real.csv")
    written(tmp_path / "out.csv")

    assert ((tmp_path / "real.csv").read_text(), (tmp_path / "out.csv").is_symlink()) == ("new", True)


def test_a_special_file_is_written_in_place(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reading = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    written(tmp_path / "pipe")

    assert os.read(reading, 100) == b"new"
    assert stat.S_ISFIFO((tmp_path / "pipe").lstat().st_mode)
    os.close(reading)


@pytest.mark.parametrize("private", [True, False])
def test_an_error_keeps_the_old_file_and_leaves_no_temporary_one(tmp_path, private):
    (tmp_path / "out").write_text("old")
    with pytest.raises(TypeError):
        written(tmp_path / "out", private=private, text=None)

    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("out", "old")]
