"""A process that calls Google by Stoker's own connections, one line of its standard input at a time.

`python -m tests.foreign.google.caller TIMEOUTS` (JSON: the fields of `Timeouts`) prints a line for each line that it reads: what
became of each of the calls, which are made at once, and how many threads there are.
"""

import asyncio
import contextlib
import json
import sys
import threading

from google.cloud import run_v2

from adapters.gcp.clients import Connections, Timeouts
from adapters.gcp.errors import ApiCall
from adapters.ports.errors import AdapterError
from tests.e2e.forked import forked
from tests.patience import PATIENCE_SECONDS

CHAT = "projects/acme/locations/europe-west1/services/chat"
READ = ApiCall("GetService", "Cloud Run service chat", "run.services.get")
WRITE = ApiCall("UpdateService", "Cloud Run service chat", "run.services.update", writes=True)
SET = {"service": run_v2.Service(name=CHAT, scaling={"min_instance_count": 3}),
       "update_mask": {"paths": ["scaling.min_instance_count"]}}


async def called(connections, writes):
    """`ok`, or the kind of error and its text."""
    try:
        if writes:
            await connections.services(WRITE, "update_service", run_v2.UpdateServiceRequest(SET), lambda _: None)
        else:
            await connections.services(READ, "get_service", run_v2.GetServiceRequest(name=CHAT), lambda _: None)
    except AdapterError as error:
        return f"{type(error).__name__}: {error}"
    return "ok"


async def main():
    connections = Connections(timeouts=Timeouts(**json.loads(sys.argv[1])))
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked = json.loads(line)
        told = await asyncio.gather(*(called(connections, asked["writes"]) for _ in range(asked["times"])))
        print(json.dumps({"told": told, "threads": threading.active_count()}), flush=True)
    await connections.close()


@contextlib.asynccontextmanager
async def calling(environment, **timeouts):
    """Such a process: await what is yielded for what became of `times` calls, and see its `threads` and `errors` afterwards."""
    process = await forked([json.dumps(timeouts)], environment, module="tests.foreign.google.caller", stdin=True, google=True)
    caller = Caller(process)
    try:
        yield caller
    finally:
        process.kill()
        process.stdin.close()
        await process.communicate()


class Caller:
    def __init__(self, process):
        self._process, self.threads = process, 0

    async def __call__(self, *, writes=False, times=1):
        self._process.stdin.write(json.dumps({"writes": writes, "times": times}).encode() + b"\n")
        line = await asyncio.wait_for(self._process.stdout.readline(), PATIENCE_SECONDS)
        assert line, (await self._process.stderr.read()).decode()
        answer = json.loads(line)
        self.threads = answer["threads"]
        return answer["told"]


if __name__ == "__main__":
    asyncio.run(main())
