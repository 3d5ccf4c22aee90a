import ast
import io
import json
import logging

import pytest
import structlog

from adapters.runtime.clock import ManualClock
from controller.telemetry import log_setup
from tests.builders import NOON
from tests.sources import MODULES, nodes_of

LEVELS = ("debug", "info", "warning", "error", "exception")
KEY = "AKIA" + "ABCDEFGH12345678"


@pytest.fixture
def stream():
    return io.StringIO()


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_object_with_the_clocks_instant(stream):
    log_setup.configure(ManualClock(NOON), "json", stream)
    structlog.get_logger("stoker.test").info("decision", pool="a", target=5)

    assert lines(stream) == [{"event": "decision", "pool": "a", "target": 5, "level": "info", "logger": "stoker.test",
                              "at": "2026-03-02T12:00:00.000+00:00"}]


def test_secrets_are_taken_out_of_values_messages_and_tracebacks(stream):
    log_setup.configure(ManualClock(NOON), "json", stream)
    log = structlog.get_logger("stoker.test")
    log.warning("refused", text=f"key {KEY}", api_token="hunter2hunter2", nested={"password": "hunter2"})
    logging.getLogger("botocore").warning("signed with %s", KEY)
    try:
        raise RuntimeError(f"bad key {KEY}")
    except RuntimeError:
        log.exception("failed")

    assert len(lines(stream)) == 3
    assert KEY not in stream.getvalue()
    assert "hunter2" not in stream.getvalue()
    assert "RuntimeError" in lines(stream)[2]["exception"]


def test_of_an_error_that_a_client_library_logs_only_the_kind_is_shown(stream):
    log_setup.configure(ManualClock(NOON), "json", stream)
    for name in ("botocore.credentials", "urllib3.connectionpool", "asyncio"):
        try:
            raise ValueError("the token service answered: hush-hush")
        except ValueError:
            logging.getLogger(name).warning("refresh failed", exc_info=True)

    assert [line.get("error") for line in lines(stream)] == ["ValueError", "ValueError", None]
    assert ["hush-hush" in json.dumps(line) for line in lines(stream)] == [False, False, True]


def test_libraries_speak_up_only_when_something_is_wrong(stream):
    log_setup.configure(ManualClock(NOON), "json", stream)
    logging.getLogger("botocore").info("chatter")
    logging.getLogger("apscheduler.executors").warning("skipped")
    logging.getLogger("aiohttp.server").warning("something")

    assert [line["event"] for line in lines(stream)] == ["something"]


def test_people_get_text(stream):
    log_setup.configure(ManualClock(NOON), "console", stream)
    structlog.get_logger("stoker.test").info("decision", pool="a")

    assert "decision" in stream.getvalue()
    assert "pool=a" in stream.getvalue()


def test_every_log_line_about_pools_has_their_mode():
    calls = [(path, node) for path in MODULES for node in nodes_of(path) if isinstance(node, ast.Call)
             and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS and ast.unparse(node.func.value) == "log"]
    lists = {"missing", "started", "ended", "failed", "late"}
    about = [(path, node, {each.arg: each.value for each in node.keywords}) for path, node in calls]
    named = [(path, node, fields) for path, node, fields in about if "pool" in fields or (
        "pools" in fields and ast.unparse(fields["pools"]).split("[")[0] in lists)]

    assert len(named) >= 15
    assert [f"{path.name}:{node.lineno}" for path, node, fields in named if "mode" not in fields] == []
