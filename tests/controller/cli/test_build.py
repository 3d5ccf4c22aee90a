"""The commit in `stoker --version`: of the record in a wheel, else of git, and never of another repository around the program."""

import subprocess

import pytest

from controller.cli import build


def git(folder, *arguments):
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    return subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def tree(tmp_path):
    git(tmp_path, "init", "--quiet")
    (tmp_path / "file").write_text("1")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "--quiet", "--message", "First")
    return tmp_path


def test_a_tree_has_the_commit_of_its_repository_and_says_when_files_differ(tree):
    head = git(tree, "rev-parse", "HEAD")[:12]

    assert build.described(tree) == head
    (tree / "file").write_text("2")
    assert build.described(tree) == f"{head}-dirty"


def test_a_folder_inside_another_repository_has_no_commit_of_its_own(tree):
    (tree / "unpacked").mkdir()

    assert build.described(tree / "unpacked") == "unknown"


def test_without_git_the_commit_is_unknown(tree, monkeypatch):
    monkeypatch.setenv("PATH", "")

    assert build.described(tree) == "unknown"


def test_the_record_of_a_wheel_comes_before_git(tmp_path, monkeypatch):
    (tmp_path / "commit").write_text("0123456789ab\n")
    monkeypatch.setattr(build, "RECORD", tmp_path / "commit")

    assert build.commit() == "0123456789ab"
