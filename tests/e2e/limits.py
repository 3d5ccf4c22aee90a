"""Limits that the system puts on a running process, a full disk, and a folder that may not be written."""

import contextlib
import os
import resource
import shutil
import subprocess

import pytest

needs_prlimit = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits a process that runs already")


@contextlib.contextmanager
def limited(pid, what, soft):
    """`what` (resource.RLIMIT_...) of a running process is `soft` within the block."""
    before = resource.prlimit(pid, what)
    resource.prlimit(pid, what, (soft, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, what, before)


@contextlib.contextmanager
def disk(folder, size="2m"):
    """`folder` is a small file system of its own within the block; whether that could be had, which takes root's rights."""
    folder.mkdir()
    mounted = os.geteuid() == 0 and shutil.which("mount") is not None and not subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "stoker-test", str(folder)], capture_output=True).returncode
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def full(folder):
    """Not a byte of room is left in `folder` within the block."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as out, contextlib.suppress(OSError):
        while True:
            out.write(bytes(1024))
    yield
    filler.unlink()


def as_one_who_must_obey():
    """What to put before a command so that the modes of files hold for it, though it be root's."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root may write anywhere, and there is no setpriv here to take that away")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]
