"""A running daemon is asked all that its own description allows, and much that it does not: with the token, and without."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from config.model.prewarm import Prewarm
from tests.examples import examples, seeds
from tests.patience import PATIENCE_SECONDS
from tests.services import TOKEN, serving

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")


async def fuzzed(here, folder, *more, phases):
    """What schemathesis says of the daemon, and whether it found something."""
    _, told, _ = await here.ask("GET", "/openapi.json")
    description = folder / "openapi.json"
    description.write_text(json.dumps(narrowed(told)))
    process = await asyncio.create_subprocess_exec(
        SCHEMATHESIS, "run", description, "--url", here.service.url, "--phases", phases, "--seed", "1",
        "--max-examples", str(examples(60).max_examples), "--generation-deterministic",
        "--request-timeout", str(PATIENCE_SECONDS), "--continue-on-failure", "--no-color", *more, cwd=folder,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    try:
        out, _ = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, out.decode()


def narrowed(told):
    """The same with what no schema can say: which pools there are, and when now is. Else every answer would be a refusal."""
    for path, methods in told["paths"].items():
        for method in methods.values():
            for parameter in method.get("parameters", ()):
                if parameter["in"] == "path" and path.startswith("/v1"):
                    parameter["schema"] = {"enum": ["a", "b", "nobody"]}
                elif parameter["name"] == "pool":
                    parameter["schema"] = {"enum": ["a", "b"]}
    orders = told["paths"]["/v1/pools/{name}/overrides"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    for body in orders["oneOf"]:
        for key, values in (("for", ["30s", "90m", "7d"]), ("until", ["2026-03-02T12:30:00Z", "2026-03-04 12:00:00+02:00"])):
            if key in body["properties"]:
                body["properties"][key] = {"enum": values}
    wish = told["paths"]["/v1/pools/{name}/prewarm"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    wish["properties"]["for"] = {"enum": ["1m", "10m", "30d"]}
    return told


@pytest.mark.parametrize("who", ["the operator", "anybody"])
async def test_generated_requests_get_only_documented_responses(tmp_path, who):
    (tmp_path / "state").mkdir()
    async with serving(tmp_path / "state", prewarm=Prewarm(max_units=5, per_hour=100)) as here:
        here.service.runtime.published.long_poll.close()  # the clock is moved by hand here: no wait would end by itself
        more = ("-H", f"Authorization: Bearer {TOKEN}") if who == "the operator" else ()
        phases = seeds(1, "coverage", "coverage,fuzzing")[-1] if who == "anybody" else "coverage,fuzzing"  # mostly answers 401
        code, out = await fuzzed(here, tmp_path, *more, phases=phases)
        status, _, _ = await here.ask("GET", "/healthz")

    assert (code, status) == (0, 200), out
