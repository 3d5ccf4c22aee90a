"""Connections: destinations, credentials and timeouts."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from google.cloud import run_v2

from adapters.gcp.clients import SANDBOX_TOKEN, Connections, Timeouts
from adapters.gcp.errors import ApiCall
from adapters.ports.errors import Unreachable
from adapters.sandbox.gcp import world
from tests.adapters.conformance.cloud_run_stage import CloudRunStage
from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[3]
NAME = "projects/acme/locations/europe-west1/services/agent"
ASKED = ApiCall("GetService", "Cloud Run service agent", "run.services.get")
REQUEST = run_v2.GetServiceRequest(name=NAME)


def name_of(answer) -> str:
    return answer.name


ASKING = f"""
import asyncio, sys
from google.cloud import run_v2
from adapters.gcp.clients import Connections
from adapters.gcp.errors import ApiCall
from adapters.ports.errors import PermissionDenied

async def ask():
    connections = Connections(*sys.argv[1:])
    request = run_v2.GetServiceRequest(name={NAME!r})
    try: print(await connections.services({ASKED!r}, 'get_service', request, lambda answer: answer.name))
    except PermissionDenied as error: print(error)
    await connections.close()

asyncio.run(ask())
"""
"""Asks for a service in a process that imports what it needs, and nothing of the tests."""


async def test_a_missing_credentials_file_is_named():
    environment = {"PATH": os.environ["PATH"], "GOOGLE_APPLICATION_CREDENTIALS": "/nowhere/key.json"}
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", ASKING], capture_output=True, text=True,
                                   timeout=PATIENCE_SECONDS,
                                   cwd=ROOT, env=environment)

    expected = "Cloud Run service agent: the credentials file /nowhere/key.json (GOOGLE_APPLICATION_CREDENTIALS) does not exist; "
    assert done.stdout.startswith(expected), done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


async def test_missing_credentials_are_reported_with_the_remedy():
    environment = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "NO_GCE_CHECK": "true"}
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", ASKING], capture_output=True, text=True,
                                   timeout=PATIENCE_SECONDS,
                                   cwd=ROOT, env=environment)

    assert "no Google credentials were found: there is no credentials file: attach a service account to" in done.stdout
    assert done.stderr == ""


async def test_a_sandbox_ignores_credentials_and_proxies_of_the_machine():
    async with CloudRunStage() as stage:
        environment = {"PATH": os.environ["PATH"], "GOOGLE_APPLICATION_CREDENTIALS": "/nowhere/key.json",
                       "https_proxy": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1",
                       "grpc_proxy": "http://127.0.0.1:1"}
        done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", ASKING, stage._server.target], capture_output=True,
                                       text=True, timeout=PATIENCE_SECONDS, cwd=ROOT, env=environment)

    assert done.stdout.strip() == NAME, done.stderr


async def test_without_a_sandbox_clients_call_google_with_a_token():
    connections = Connections()
    services, metrics = connections._run.client(), connections._monitoring.client()

    assert services.transport.host == "run.googleapis.com:443"
    assert metrics.transport.host == "monitoring.googleapis.com:443"
    assert connections._tokens is not None
    await connections.close()


async def test_a_call_that_hangs_ends_after_its_timeout():
    async with CloudRunStage() as stage:
        stage.hang(writes=False)
        connections = Connections(stage._server.target, Timeouts(run=0.3, slack=5.0))
        began = asyncio.get_running_loop().time()
        with pytest.raises(Unreachable, match="DeadlineExceeded"):
            await connections.services(ASKED, "get_service", REQUEST, name_of)
        await connections.close()

    assert asyncio.get_running_loop().time() - began < 4


async def test_the_library_does_not_retry():
    async with CloudRunStage() as stage:
        stage.world.faults.reset("GetService", times=1)
        connections = Connections(stage._server.target)
        with pytest.raises(Unreachable):
            await connections.services(ASKED, "get_service", REQUEST, name_of)
        await connections.close()

        assert stage.world.calls.reading["GetService"] == 1


async def test_a_refused_connection_is_reported_as_a_network_error():
    connections = Connections("127.0.0.1:1", Timeouts(run=3.0))
    with pytest.raises(Unreachable, match="check network"):
        await connections.services(ASKED, "get_service", REQUEST, name_of)
    await connections.close()


async def test_closing_without_a_call_is_harmless():
    await Connections("127.0.0.1:1").close()


def test_the_sandbox_accepts_the_token():
    assert SANDBOX_TOKEN == world.TOKEN
