"""The Lambda extension of docs/demand/push.md reports the end of each invocation before it asks for the next one."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

from aiohttp import web

from tests.patience import PATIENCE_SECONDS
from tests.web_servers import served

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "demand" / "push.md").read_text()
CODE = re.search(r"### Lambda extension\n.*?```python\n(.*?)```", PAGE, re.DOTALL)[1]


async def test_the_end_of_an_invocation_is_reported_before_the_environment_is_frozen():
    seen, next_invocation = [], asyncio.Event()

    async def answer(request):
        if request.path.endswith("/in-flight"):
            seen.append(await request.json())
            return web.json_response({})
        if request.path.endswith("/register"):
            assert await request.json() == {"events": ["INVOKE"]}
            return web.json_response({}, headers={"Lambda-Extension-Identifier": "id-1"})
        assert request.headers["Lambda-Extension-Identifier"] == "id-1"
        seen.append("next")
        if seen.count("next") > 1:
            next_invocation.set()
            await asyncio.sleep(PATIENCE_SECONDS)
        return web.json_response({"eventType": "INVOKE"})

    async with served(answer) as url:
        code = CODE.replace("http://stoker.internal:8080", url) + "\nwork = lambda event: event\nprint(handler(7, None))\n"
        code += "import time\ntime.sleep(600)\n"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, stdout=subprocess.PIPE,
            env={"AWS_LAMBDA_RUNTIME_API": url.removeprefix("http://"), "PYTHONPATH": str(ROOT / "clients" / "python")})
        async with asyncio.timeout(PATIENCE_SECONDS):
            await next_invocation.wait()
        process.kill()
        await process.communicate()

    reports = [each for each in seen[:-1] if each != "next"]
    assert (seen[0], seen[-1]) == ("next", "next")
    assert (reports[-1]["in_flight"], reports[-1]["final"]) == (0, True)
    assert sum(each["started"] for each in reports) == 1
