"""A real daemon where machine or network are not well: no room, no handles, no permission, no credentials, no honest peer."""

import asyncio
import contextlib
import os
import resource
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import aiohttp

from adapters.sandbox.faults import Trouble
from adapters.sandbox.gcp.server import GrpcSandboxServer
from adapters.sandbox.gcp.settings import RunSettings
from adapters.sandbox.gcp.world import RunSandbox
from tests.e2e.daemons import clean_environment, daemon, policy_text, puts, sandbox_of, serving, steady_history
from tests.e2e.limits import as_one_who_must_obey, disk, full, limited, needs_prlimit
from tests.impostor import impostor
from tests.patience import PATIENCE_SECONDS

OFTEN = ("--tick-seconds", "0.5")


def services_text(*names):
    return "".join(f"  - name: {name}\n    lever: {{kind: cloud-run-min-instances, project: acme, location: europe-west1, "
                   f"service: {name}}}\n    min: 3\n    max: 20\n" for name in names)


def google_of(sandbox, *names, seconds=0.2):
    google = RunSandbox(sandbox, RunSettings(placement_seconds=(seconds, seconds)))
    for name in names:
        google.add_service(name, steady_history(4), startup_seconds=0.2)
    return google


def errors(run):
    """What we ourselves call an error; the provider's libraries have a mind of their own."""
    return [line for line in run.lines if line.get("level") == "error" and line["logger"].startswith("stoker")]


async def asked(run, path):
    async with aiohttp.ClientSession() as session, session.get(run.told("listening")[0]["url"] + path) as answer:
        return answer.status, await answer.text()


@needs_prlimit
async def test_no_write_is_sent_when_a_full_disk_prevents_its_record(tmp_path):
    sandbox, policy = sandbox_of(agent=5), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent", low=3))
    sandbox.faults.throttle()
    with disk(tmp_path / "state") as small:
        async with serving(sandbox) as url, daemon(policy, tmp_path / "state", url, *OFTEN) as run:
            # what it learnt is written once, to a file beside: to give that up for want of room would make some
            await run.until(lambda: run.told("decision", pool="agent") and list((tmp_path / "state").glob("learned-*.npz")))
            with full(tmp_path / "state") if small else limited(run.process.pid, resource.RLIMIT_FSIZE, 1):
                sandbox.faults.clear()
                await run.until(lambda: len(run.told("store-failed", pool="agent")) >= 2)
                status, body = await asked(run, "/readyz")

                assert puts(sandbox) == []
                assert (status, "stoker.db" in body) == (503, True)
                assert not small or "the disk is full; free some space" in body
            await run.until(lambda: puts(sandbox))
            assert await run.end(signal.SIGTERM) == 0


def test_a_read_only_state_folder_is_reported_in_one_line_before_any_call(tmp_path):
    policy, state = tmp_path / "policy.yaml", tmp_path / "state"
    policy.write_text(policy_text("agent"))
    state.mkdir(mode=0o500)
    command = [*as_one_who_must_obey(), sys.executable, "-m", "controller.cli", "run", "--policy", str(policy), "--state-dir",
               str(state), "--port", "0", "--sandbox-url", "http://127.0.0.1:9"]
    told = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, timeout=PATIENCE_SECONDS)

    assert told.returncode == 1
    assert len(told.stderr.splitlines()) == 1
    assert str(state) in told.stderr
    assert "Permission denied" in told.stderr


async def test_faulty_endpoints_do_not_affect_other_pools_in_either_cloud(tmp_path):
    troubles = [Trouble.HANG, Trouble.DRIP, Trouble.RESET, Trouble.GARBAGE]
    sandbox, policy = sandbox_of(well=5, **{trouble.value: 5 for trouble in troubles}), tmp_path / "policy.yaml"
    google = google_of(sandbox, "sound", *[f"run-{trouble}" for trouble in troubles])
    policy.write_text(policy_text("well", *troubles, low=3) + services_text("sound", *[f"run-{trouble}" for trouble in troubles]))
    for trouble in troubles:
        sandbox.faults.add(trouble, function=trouble.value)
        google.faults.add(trouble, function=f"run-{trouble}")
    broken = {"reset", "garbage", "run-reset", "run-garbage"}
    async with (GrpcSandboxServer(google) as server, serving(sandbox) as url,
                daemon(policy, tmp_path / "state", url, "--sandbox-grpc", server.target, *OFTEN) as run):
        await run.until(lambda: puts(sandbox) and google.calls.accepted("UpdateService"))
        await run.until(lambda: broken <= {line["pool"] for line in run.told("decision", action="hold")})

        assert len(puts(sandbox)) == len(google.calls.accepted("UpdateService")) == 1
        assert all("no usable response" in run.told("decision", pool=pool)[0]["text"] for pool in broken)
        assert not run.told("decision", pool="hang")
        assert not errors(run)


async def test_an_untrusted_endpoint_gets_no_credentials_and_the_setting_is_named(tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent", low=3))
    async with impostor(tmp_path) as (address, heard):
        keys = {"AWS_ENDPOINT_URL": f"https://{address}", "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
        async with daemon(policy, tmp_path / "state", None, *OFTEN, environment=keys) as run:
            await run.until(lambda: run.told("decision", pool="agent"))
            await asyncio.sleep(1.0)

            assert "AWS_CA_BUNDLE" in run.told("decision", pool="agent")[0]["text"]
            assert len(run.told("decision")) == 1
            assert not any(heard)
            assert await run.end(signal.SIGTERM) == 0


async def test_expired_credentials_hold_capacity_and_renewed_ones_are_used(tmp_path):
    sandbox, policy = sandbox_of(600.0, agent=5), tmp_path / "policy.yaml"  # what is under way is read at every tick
    google = google_of(sandbox, "chat", seconds=600.0)
    policy.write_text(policy_text("agent", low=3) + services_text("chat"))
    async with (GrpcSandboxServer(google) as server, serving(sandbox) as url,
                daemon(policy, tmp_path / "state", url, "--sandbox-grpc", server.target, *OFTEN) as run):
        await run.until(lambda: puts(sandbox) and google.calls.accepted("UpdateService"))
        sandbox.credentials.expired |= sandbox.credentials.accepted
        google.expired |= google.accepted
        await run.until(lambda: {"agent", "chat"} == {line["pool"] for line in run.told("decision") if "expired" in line["text"]})
        held = [line for line in run.told("decision") if "expired" in line["text"]]
        sandbox.credentials.expired.clear()
        google.expired.clear()
        while "expired" in (await asked(run, "/status"))[1]:  # noqa: ASYNC110
            await asyncio.sleep(0.2)

        assert len(held) == 2
        assert len(puts(sandbox)) == len(google.calls.accepted("UpdateService")) == 1
        assert not errors(run)
        assert await run.end(signal.SIGTERM) == 0


def connections(pid):
    """How many sockets a process holds that are open to somebody or may soon be: all but listening ones and those within it."""
    held = set()
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            held.add(str(each.readlink()))
    unix = {f"socket:[{row.split()[6]}]" for row in Path("/proc/net/unix").read_text().splitlines()[1:]}
    tcp = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = {f"socket:[{row[9]}]" for row in tcp if row[3] == "0A"}
    return sum(each.startswith("socket:") for each in held - unix - listening)


@needs_prlimit
async def test_without_free_file_handles_capacity_is_held_and_work_resumes_later(tmp_path):
    sandbox, policy = sandbox_of(agent=5), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent", low=3))
    sandbox.faults.reset()  # every call needs a connection of its own
    async with serving(sandbox) as url, daemon(policy, tmp_path / "state", url, *OFTEN) as run:
        await run.until(lambda: run.told("decision", pool="agent"))
        with limited(run.process.pid, resource.RLIMIT_NOFILE, 3):
            await run.until(lambda: not connections(run.process.pid))  # one that was opened before could still carry a write
            sandbox.faults.clear()
            callers = [asyncio.create_task(asked(run, "/healthz")) for _ in range(5)]
            await run.until(lambda: run.told("cannot-accept"))
            await asyncio.sleep(2.5)  # asyncio tries again every second, and reports each of 100 tries
            assert run.process.returncode is None
            assert puts(sandbox) == []
        assert {status for status, _ in await asyncio.wait_for(asyncio.gather(*callers), PATIENCE_SECONDS)} == {200}
        await run.until(lambda: puts(sandbox))
        assert await run.end(signal.SIGTERM) == 0

    refused, accepting = [line for line in run.lines if line["level"] == "error"], run.told("cannot-accept")
    assert "LimitNOFILE" in accepting[0]["text"]
    minutes = (datetime.fromisoformat(run.lines[-1]["at"]) - datetime.fromisoformat(accepting[0]["at"])) / timedelta(minutes=1)
    assert len(accepting) <= 1 + minutes
    assert len(refused) < 20


def workers(pid):
    """Processes that `pid` has spawned and that work for it."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            if parent == pid and "spawn_main" in (status.parent / "cmdline").read_text():
                found.append(int(status.parent.name))
    return found


@needs_prlimit
async def test_a_killed_forecast_worker_loses_only_its_forecast(tmp_path):
    sandbox, policy = sandbox_of(agent=5), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent", low=3))
    async with serving(sandbox) as url, daemon(policy, tmp_path / "state", url, *OFTEN) as run:
        await run.until(lambda: run.told("first-tick"))
        lost = asyncio.create_task(asked(run, "/v1/pools/agent/forecast?hours=1"))
        while not lost.done():  # the first worker may be at work for the rotation
            for worker in workers(run.process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
            await asyncio.sleep(0.05)
        status, told = await lost
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await asked(run, "/v1/pools/agent/forecast?hours=1"))[0] != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

        assert (status, "retry" in told) == (503, True)
        assert run.told("forecast-failed")
        assert not errors(run)
        assert await run.end(signal.SIGTERM) == 0
