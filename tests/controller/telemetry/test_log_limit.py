"""The log repeats no kind of warning without end, whoever causes it."""

import io
import json
import logging
from datetime import timedelta

import pytest
import structlog

from adapters.runtime.clock import ManualClock
from controller.telemetry import log_setup
from controller.telemetry.log_limit import OURS, WINDOW_SECONDS
from tests.builders import NOON

WINDOW = timedelta(seconds=WINDOW_SECONDS)


@pytest.fixture
def clock():
    return ManualClock(NOON)


@pytest.fixture
def lines(clock):
    stream = io.StringIO()
    log_setup.configure(clock, "json", stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def record(text="socket.send() raised exception."):
    logging.getLogger("asyncio").warning(text)


def test_a_library_that_repeats_itself_is_one_line_a_minute_with_the_number_of_those_dropped(clock, lines):
    for at in range(500):
        record(f"line {at}")
    clock.set(clock.now() + WINDOW)
    record("again")

    assert [(line["event"], line.get("suppressed")) for line in lines()] == [("line 0", None), ("again", 499)]


def test_other_lines_of_code_are_other_kinds(lines):
    for _ in range(3):
        record()
        logging.getLogger("urllib3.connectionpool").warning("Connection pool is full, discarding connection: %s", "host")

    assert len(lines()) == 2


def test_what_a_caller_of_http_can_cause_is_one_line_a_minute(clock, lines):
    log = structlog.get_logger("stoker.http")
    for _ in range(500):
        log.warning("malformed-request", error="x")
    log.error("cannot-accept", error="y")
    clock.set(clock.now() + WINDOW)
    log.warning("malformed-request", error="z")

    assert [(line["event"], line.get("suppressed")) for line in lines()] == [
        ("malformed-request", None), ("cannot-accept", None), ("malformed-request", 499)]


def test_a_fault_of_ten_thousand_pools_is_twenty_lines_a_minute(lines):
    log = structlog.get_logger("stoker.fleet")
    for at in range(10_000):
        log.error("store-failed", pool=f"p{at}")

    assert len(lines()) == OURS


def test_a_traceback_that_is_dropped_is_not_even_formatted(lines):
    class Costly(Exception):
        shown = 0

        def __str__(self):
            Costly.shown += 1
            return ""
    log = structlog.get_logger("stoker.http")
    for _ in range(50):
        try:
            raise Costly
        except Costly:
            log.exception("request-failed")

    assert (len(lines()), Costly.shown <= 2) == (1, True)


def test_decisions_and_what_is_no_warning_are_all_logged(lines):
    for at in range(100):
        structlog.get_logger("stoker.decision").warning("decision", pool=f"p{at}")
        structlog.get_logger("stoker.active_overrides").info("override-set", pool=f"p{at}")

    assert len(lines()) == 200
