"""What every test finds as it was."""

import logging

import pytest
import structlog


@pytest.fixture(autouse=True)
def logging_set_up_by_nobody():
    """A command that a test runs in this process sets logging up for good: the next test is not to find it so."""
    root, ours = logging.getLogger(), logging.getLogger("stoker")
    handlers, levels = root.handlers[:], (root.level, ours.level)
    yield
    if structlog.is_configured():
        structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])
