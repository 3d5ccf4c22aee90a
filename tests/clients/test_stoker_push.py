"""The helper for applications: it counts what is in flight, and neither blocks nor fails its caller."""

import ast
import asyncio
import importlib.util
import os
import subprocess
import sys
import threading
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from adapters.push.demand_source import PushDemand
from adapters.runtime.clock import ManualClock
from tests.builders import NOON, PUSHED
from tests.patience import PATIENCE_SECONDS
from tests.services import TOKEN, serving
from tests.web_servers import served

FILE = Path(__file__).parents[2] / "clients" / "python" / "stoker_push.py"
SPEC = importlib.util.spec_from_file_location("stoker_push", FILE)
stoker_push = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(stoker_push)
Push, PushMiddleware = stoker_push.Push, stoker_push.PushMiddleware


@pytest.fixture
def push():
    """A helper whose daemon refuses every connection."""
    made = Push("http://127.0.0.1:1", "agent", token="none")
    yield made
    made._closed.set()
    made._wake.set()
    if made._thread is not None:
        made._thread.join(PATIENCE_SECONDS)


@asynccontextmanager
async def daemon(answer):
    """A server that keeps the bodies of all reports and gives `answer`, a status."""
    bodies = []

    async def report(request):
        bodies.append(await request.json() | {"token": request.headers["Authorization"], "path": request.path})
        return web.json_response({"error": "no"}, status=answer)

    async with served(report) as url:
        made = Push(url, "agent", token="secret")
        try:
            yield made, bodies
        finally:
            await asyncio.to_thread(made.close)


def test_it_imports_the_standard_library_only():
    tree = ast.parse(FILE.read_text())
    names = {alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}

    assert not any(isinstance(node, ast.ImportFrom) for node in ast.walk(tree))
    assert names <= set(sys.stdlib_module_names)


async def test_a_report_has_the_level_the_starts_and_the_peak_since_the_last_one():
    async with daemon(200) as (push, bodies):
        push._thread = threading.current_thread()  # reports are made by hand
        with push:
            with push, push:
                pass
            await asyncio.to_thread(push.flush)
        await asyncio.to_thread(push.flush)
        await asyncio.to_thread(push.flush, final=True)
        first, second, third = bodies

    assert (first["in_flight"], first["started"], first["peak"]) == (1, 3, 3)
    assert (second["in_flight"], second["started"], second["peak"]) == (0, 0, 1)
    assert (third["in_flight"], third["final"]) == (0, True)
    assert first["sequence"] < second["sequence"] < third["sequence"]
    assert (first["path"], first["token"]) == ("/v1/pools/agent/in-flight", "Bearer secret")


async def test_after_a_final_report_nothing_is_reported_until_the_next_request():
    async with daemon(200) as (push, bodies):
        push._thread = threading.current_thread()
        for _ in range(2):
            with push:
                pass
            await asyncio.to_thread(push.flush, final=True)
            await asyncio.to_thread(push.flush)
        with push:
            await asyncio.to_thread(push.flush)
        counts = [(body["started"], body["in_flight"], body.get("final", False)) for body in bodies]

    assert counts == [(1, 0, True), (1, 0, True), (1, 1, False)]


async def test_a_final_report_that_failed_is_repeated():
    async with daemon(503) as (push, bodies):
        push._thread = threading.current_thread()
        await asyncio.to_thread(push.flush, final=True)
        await asyncio.to_thread(push.flush)

        assert [body["final"] for body in bodies] == [True, True]


async def test_a_refused_report_is_counted_and_is_part_of_the_next_one():
    async with daemon(429) as (push, bodies):
        push._thread = threading.current_thread()
        with push:
            pass
        for _ in range(2):
            await asyncio.to_thread(push.flush)
        errors, last = push.errors, push.last_error

    assert [(body["started"], body["peak"]) for body in bodies[:2]] == [(1, 1), (1, 1)]
    assert (errors, last) == (2, 'OSError: 429: {"error": "no"}')


def test_an_absent_daemon_fails_no_caller(push):
    @push
    def answer(question):
        return question * 2

    assert answer(21) == 42
    push.flush()
    assert push.errors >= 1
    assert "ConnectionRefusedError" in push.last_error


def test_a_daemon_that_does_not_answer_blocks_no_caller(push):
    push._sending.acquire()  # a report that waits for its answer
    push._notify()
    for _ in range(1000):
        with push:
            assert push.in_flight == 1
    push._sending.release()


async def test_every_kind_of_function_is_counted_until_its_end(push):
    seen = []

    @push
    async def coroutine():
        seen.append(push.in_flight)
        return "done"

    @push
    async def stream():
        for word in ("a", "b"):
            seen.append(push.in_flight)
            yield word

    @push
    def generator():
        seen.append(push.in_flight)
        yield 1

    @push
    def fails():
        raise KeyError("theirs")

    assert await coroutine() == "done"
    assert [word async for word in stream()] == ["a", "b"]
    assert list(generator()) == [1]
    with pytest.raises(KeyError):
        fails()
    assert (seen, push.in_flight) == ([1, 1, 1, 1], 0)
    assert coroutine.__name__ == "coroutine"


async def test_the_middleware_counts_requests_and_leaves_ignored_paths_out(push):
    seen = []

    async def app(scope, receive, send):
        seen.append((scope["type"], push.in_flight))

    counted = PushMiddleware(app, push, ignore=("/ping",))
    for scope in ({"type": "http", "path": "/"}, {"type": "http", "path": "/ping"}, {"type": "websocket", "path": "/"},
                  {"type": "lifespan"}):
        await counted(scope, None, None)

    assert seen == [("http", 1), ("http", 0), ("websocket", 1), ("lifespan", 0)]


def test_threads_lose_no_count(push):
    def work():
        for _ in range(2000):
            with push:
                pass

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    push._closed.set()

    assert push.in_flight == 0
    assert push._peak + push.errors >= 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_child_of_a_fork_counts_for_itself_under_its_own_name(push):
    with push:
        push._lock.acquire()  # another thread of the parent holds it
        read, write = os.pipe()
        child = os.fork()
        if not child:
            with push:
                os.write(write, f"{push.sender.rpartition(':')[2]} {push.in_flight} {os.getpid()}".encode())
            os._exit(0)
        push._lock.release()
        name, in_flight, pid = os.read(read, 100).decode().split()
        os.waitpid(child, 0)

    assert (name, in_flight) == (pid, "1")
    assert push.sender.rpartition(":")[2] == str(os.getpid())


def test_a_wrong_address_is_refused_at_once():
    with pytest.raises(ValueError, match="is not an address"):
        Push("stoker:8080", "agent")


async def test_the_thread_reports_a_change_to_a_daemon(tmp_path):
    clock = ManualClock(NOON)
    source = PushDemand(dict.fromkeys("ab", PUSHED), clock)
    async with serving(tmp_path, clock, source=source) as here:
        push = Push(here.service.url, "a", token=TOKEN)
        async with asyncio.timeout(PATIENCE_SECONDS):
            with push, push:
                while source.in_flight("a") != 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        await asyncio.to_thread(push.close)

        assert list(source._inboxes["a"]._ended) == [push.sender]
        assert (push.errors, push.last_error) == (0, "")


def test_an_absent_daemon_does_not_keep_a_process_alive():
    code = (f"import sys; sys.path.insert(0, {str(FILE.parent)!r})\nfrom stoker_push import Push\n"
            "push = Push('http://127.0.0.1:1', 'agent')\nwith push: pass\n")
    subprocess.run([sys.executable, "-c", code], check=True, timeout=PATIENCE_SECONDS)
