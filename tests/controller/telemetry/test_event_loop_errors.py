"""What the event loop cannot raise is logged as one line a minute."""

import asyncio
import errno
import gc
import io
import json
import socket

import pytest

from adapters.runtime.clock import ManualClock
from controller.telemetry import log_setup
from controller.telemetry.event_loop_errors import report_fault
from tests.builders import NOON


@pytest.fixture
def lines():
    stream = io.StringIO()
    log_setup.configure(ManualClock(NOON), "json", stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


class Exhausted(socket.socket):
    def accept(self):
        raise OSError(errno.EMFILE, "Too many open files")


async def test_a_socket_that_cannot_accept_for_want_of_handles_is_one_line_that_says_what_to_raise(lines):
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(report_fault)
    with Exhausted() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        loop._accept_connection(asyncio.Protocol, listening)
        loop.remove_reader(listening)

        told, = lines()
        assert (told["event"], told["error"]) == ("cannot-accept", "Too many open files")
        assert "LimitNOFILE" in told["text"]
        assert "exception" not in told


async def test_what_was_to_accept_again_after_the_server_has_closed_is_no_fault(lines):
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(report_fault)
    closed = socket.socket()
    closed.close()
    loop.call_soon(loop._start_serving, asyncio.Protocol, closed)  # as `accept` left it to be called a second later
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert lines() == []


async def test_tasks_that_nobody_waits_for_are_told_with_their_traceback_and_not_without_end(lines):
    async def fail():
        raise RuntimeError("nobody waits")
    asyncio.get_running_loop().set_exception_handler(report_fault)
    for _ in range(100):
        task = asyncio.create_task(fail(), name="stray")
        await asyncio.wait([task])
        del task
    gc.collect()

    assert len(lines()) == 20
    assert {line["event"] for line in lines()} == {"loop-fault"}
    assert "nobody waits" in lines()[0]["exception"]
    assert "stray" in lines()[0]["where"]
