"""Markers and fixtures of all tests: each test starts with the same logging, secrets and signal handlers."""

import logging
import signal
from pathlib import Path

import pytest
import structlog

from controller.redaction.known_secrets import PROCESS_SECRETS, KnownSecrets
from tests.examples import register_profiles
from tests.slow import SLOW

register_profiles()

# A shell starts background jobs with SIGINT ignored, and processes that tests start inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


FOLDERS = {"e2e": "e2e", "foreign": "foreign", "simulation": "simulation", "scenarios": "simulation"}
"""Folder of tests -> the marker of all tests in it."""


def pytest_collection_modifyitems(items):
    """Mark each test by its folder or file, and a browser test by what its module imports; all others are unit tests."""
    for item in items:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        if folder in FOLDERS:
            item.add_marker(FOLDERS[folder])
        if item.path in SLOW:
            item.add_marker("slow")
        if "tests.browser" in {getattr(each, "__module__", "") for each in vars(item.module).values()}:
            item.add_marker("browser")
        if not any(item.get_closest_marker(name) for name in ("e2e", "browser", "foreign", "simulation")):
            item.add_marker("unit")


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
