"""The examples of docs/demand/push.md run with the frameworks that they are for, and report each request."""

import asyncio
import re

import pytest
from aiohttp import web

from tests.foreign import servers
from tests.patience import PATIENCE_SECONDS
from tests.web_servers import served

PAGE = (servers.ROOT / "docs" / "demand" / "push.md").read_text()

FASTAPI = """
from starlette.testclient import TestClient
client = TestClient(app)
print(client.post("/answers", json={"question": "why"}).json(), client.get("/healthz").status_code)
"""
LANGGRAPH = """
async def main():
    return [update async for update in run("why")]
print(asyncio.run(main()))
"""
MODEL = """
from strands.models import Model
class Canned(Model):
    def update_config(self, **config): pass
    def get_config(self): return {}
    def structured_output(self, *arguments, **more): raise NotImplementedError
    async def stream(self, *arguments, **more):
        yield {"messageStart": {"role": "assistant"}}
        yield {"contentBlockDelta": {"delta": {"text": "because"}}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "end_turn"}}
model = Canned()
"""
STRANDS = "print(answer('why'))"


def example(heading):
    """The code below a heading of the page."""
    return re.search(rf"### {heading}\n.*?```python\n(.*?)```", PAGE, re.DOTALL)[1]


@pytest.mark.parametrize(("heading", "package", "pool", "model", "call", "printed"), [
    ("FastAPI", "fastapi", "support-agent", "", FASTAPI, "{'answer': 'You asked: why'} 404"),
    ("LangGraph", "langgraph", "research-agent", "", LANGGRAPH, "[{'search': {'answer': 'found: why'}}]"),
    ("Strands", "strands-agents", "support-agent", MODEL, STRANDS, "because"),
])
async def test_an_example_reports_its_request(heading, package, pool, model, call, printed):
    servers.need(package)
    reports = []

    async def answer(request):
        reports.append((request.path, await request.json()))
        return web.json_response({})

    async with served(answer) as url:
        code = example(heading).replace("http://stoker.internal:8080", url)
        if model:
            code = re.sub(r"^model = .*\n", lambda _: model, code, flags=re.MULTILINE)
        process = await asyncio.create_subprocess_exec(
            servers.ENVIRONMENT / "bin" / "python", "-c", code + call, stdout=asyncio.subprocess.PIPE,
            env={"PYTHONPATH": str(servers.ROOT / "clients" / "python"), "AWS_REGION": "us-east-1"})
        async with asyncio.timeout(PATIENCE_SECONDS):
            out, _ = await process.communicate()

    assert out.decode().strip() == printed
    assert sum(report["started"] for _, report in reports) == 1
    assert (reports[-1][1]["in_flight"], reports[-1][1]["final"]) == (0, True)
    assert {path for path, _ in reports} == {f"/v1/pools/{pool}/in-flight"}
