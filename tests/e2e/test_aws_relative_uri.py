"""The container endpoint of ECS at its own address, 169.254.170.2, in a network of the test's own."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]
NETWORK = "ip link set lo up && ip addr add 169.254.170.2/32 dev lo && exec \"$@\""
INSIDE = ["unshare", "--user", "--map-root-user", "--net", "sh", "-c", NETWORK, "sh"]


def possible():
    """Whether this machine lets a test have a network of its own."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return False
    return subprocess.run([*INSIDE, "true"], capture_output=True, timeout=PATIENCE_SECONDS).returncode == 0


TASK = """
import asyncio
import json
import pathlib
import sys

from aiohttp import web

from tests.e2e.daemons import policy_text, sandbox_of, serving, stoker

async def main(folder):
    sandbox, asked = sandbox_of(agent=5), []

    async def keys(request):
        asked.append(request.path)
        return web.json_response({"AccessKeyId": "AKIASTOKERSANDBOX001", "SecretAccessKey": "any", "Token": "any",
                                  "Expiration": "2100-01-01T00:00:00Z", "RoleArn": "arn:aws:iam::123456789012:role/task"})

    app = web.Application()
    app.router.add_get("/v2/credentials/{name}", keys)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "169.254.170.2", 80).start()
    (folder / "policy.yaml").write_text(policy_text("agent", low=3))
    async with serving(sandbox) as url:
        code, out, err = await stoker("plan", "--policy", str(folder / "policy.yaml"), "--json", environment={
            "AWS_ENDPOINT_URL": url, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/0af5b1c3", "HOME": str(folder)})
    await runner.cleanup()
    print(json.dumps({"code": code, "out": out, "err": err, "asked": asked}))

asyncio.run(main(pathlib.Path(sys.argv[1])))
"""


@pytest.mark.skipif(not possible(), reason="no network namespace can be made here (unshare --user --net)")
def test_the_relative_uri_of_an_ecs_task_is_followed(tmp_path):
    done = subprocess.run([*INSIDE, sys.executable, "-c", TASK, str(tmp_path)], capture_output=True, text=True, cwd=ROOT,
                          timeout=PATIENCE_SECONDS)

    assert done.returncode == 0, done.stderr
    assert '"asked": ["/v2/credentials/0af5b1c3"' in done.stdout, done.stdout
    assert '"code": 0' in done.stdout, done.stdout
