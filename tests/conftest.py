"""Markers and fixtures of all tests: each test starts with the same logging, secrets and signal handlers."""

import gc
import logging
import signal
from pathlib import Path

import pytest
import structlog

from controller.redaction.known_secrets import PROCESS_SECRETS, KnownSecrets
from tests.examples import register_profiles
from tests.slow import LONGEST, SLOW, TESTS

register_profiles()

# Without a configuration, structlog formats each traceback with its source and variables, which takes 10 ms.
structlog.dev.ConsoleRenderer.get_active().exception_formatter = structlog.dev.plain_traceback

# A shell starts background jobs with SIGINT ignored, and processes that tests start inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


FOLDERS = {"e2e": "e2e", "foreign": "foreign", "simulation": "simulation", "scenarios": "simulation"}
"""Folder of tests -> the marker of all tests in it."""


def pytest_ignore_collect(collection_path, config):
    """Import no module of which `make check` selects no test."""
    folder = collection_path.relative_to(TESTS).parts[:1] if collection_path.is_relative_to(TESTS) else ()
    unused = collection_path in SLOW or (folder and folder[0] in FOLDERS)
    return True if unused and config.option.markexpr == "unit and not slow" else None


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Collect without garbage collection, and exclude what exists then, about a million objects, from later collections."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(10_000, 10, 10)  # a full collection takes 0.6 s once libraries have loaded their data
        gc.enable()


def pytest_collection_modifyitems(items):
    """Mark each test by its module, and move the longest files to the front."""
    markers = {}
    for item in items:
        if item.module not in markers:
            markers[item.module] = markers_of(item.module)
        for name in markers[item.module]:
            item.add_marker(name)
    ranks = {path: rank for rank, path in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


def markers_of(module) -> list[str]:
    """Return the markers of the tests of a module, by its folder and name, and by what it imports."""
    path = Path(module.__file__)
    folder = path.relative_to(TESTS).parts[0]
    kinds = [FOLDERS[folder]] if folder in FOLDERS else []
    if "tests.browser" in {getattr(each, "__module__", "") for each in vars(module).values()}:
        kinds.append("browser")
    return (kinds or ["unit"]) + ["slow"] * (path in SLOW)


@pytest.fixture(autouse=True)
def restored_logging():
    """Restore the logging configuration: a command that runs in this process changes it."""
    root, ours = logging.getLogger(), logging.getLogger("stoker")
    handlers, levels = root.handlers[:], (root.level, ours.level)
    yield
    if structlog.is_configured():
        structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


@pytest.fixture(autouse=True)
def restored_secrets():
    """Restore the list of known secrets: a command adds secrets of its environment, and texts with them are redacted."""
    yield
    if PROCESS_SECRETS._texts:
        generation = PROCESS_SECRETS.generation
        vars(PROCESS_SECRETS).update(vars(KnownSecrets()))
        PROCESS_SECRETS.generation = generation + 1  # caches of the former generation stay invalid
