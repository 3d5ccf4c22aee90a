"""The foreign servers themselves: they are there in CI, they start, and nothing of them is left."""

import os
import shutil
import socket
import subprocess
import sys
import time

import pytest

from tests.foreign import servers
from tests.patience import PATIENCE_SECONDS


@pytest.mark.skipif(os.environ.get("CI") != "true", reason="foreign servers are optional outside CI")
def test_in_ci_at_least_one_foreign_package_or_program_is_installed():
    present = [package for package in servers.PACKAGES if servers.installed(package)]
    present += [program for program in servers.DEBIAN if shutil.which(program)]

    assert present, "every test in tests/foreign was skipped: see what `make foreign` printed"


def accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_every_program_of_ours_starts_on_a_free_port_and_is_gone_afterwards(tmp_path):
    with servers.ministack(tmp_path / "a") as upstream, servers.microburst(tmp_path / "b", upstream.url) as proxy:
        running = [upstream, proxy]
        assert all(accepts(server.port) for server in running)

    assert [server.name for server in running if accepts(server.port)] == []
    assert [server.name for server in running if server.process.poll() is None] == []


def test_a_receiver_of_traces_starts(tmp_path):
    with servers.oteltap(tmp_path) as server:
        assert accepts(server.port)


def test_a_proxy_starts(tmp_path):
    with servers.tinyproxy(tmp_path) as server:
        assert accepts(server.port)


def test_a_program_that_does_not_start_is_reported_with_what_it_wrote(tmp_path):
    with pytest.raises(AssertionError, match="no such setting"), \
            servers.started("broken", ["sh", "-c", "echo no such setting; exit 1"], tmp_path):
        pass


def test_code_runs_in_the_environment_of_the_foreign_packages():
    servers.need("standardwebhooks")

    assert servers.foreign_python("import standardwebhooks; print(standardwebhooks.__name__)") == "standardwebhooks\n"


@pytest.mark.skipif(not servers.bound(), reason="setpriv is not installed: apt-get install util-linux")
def test_a_server_ends_with_a_test_run_that_is_killed(tmp_path):
    code = ("import os, sys, pathlib\nfrom tests.foreign import servers\n"
            "with servers.started('idle', ['sh', '-c', 'exec \"$0\" -m http.server --bind 127.0.0.1 {port}', sys.executable], "
            "pathlib.Path(sys.argv[1])) as server:\n    print(server.port, flush=True)\n    os.kill(os.getpid(), 9)\n")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, cwd=servers.ROOT,
                          timeout=PATIENCE_SECONDS)
    end = time.monotonic() + PATIENCE_SECONDS
    while accepts(int(done.stdout)) and time.monotonic() < end:
        time.sleep(0.02)

    assert not accepts(int(done.stdout)), done.stderr
