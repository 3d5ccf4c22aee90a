"""A daemon does not hold more the longer it lives; `python -m benchmarks.month` sees a whole month."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import endurance
from tests.patience import PATIENCE_SECONDS

SHARED_THREADS = 8
"""The loop's own pool begins them as they are needed, and no more."""


@pytest.mark.skipif(not endurance.THERE, reason="there is no /proc here to count in")
def test_hours_of_ticks_and_requests_leak_no_handle_thread_task_or_object():
    told = subprocess.run([sys.executable, "-m", "tests.endurance", "240", "80"], capture_output=True, text=True,
                          timeout=PATIENCE_SECONDS,
                          cwd=Path(__file__).parents[2], check=False)
    assert told.returncode == 0, told.stderr
    early, *_, late = [endurance.Held(**json.loads(line)) for line in told.stdout.splitlines()]

    assert (early.minute, late.minute) == (80, 240)
    assert late.descriptors <= early.descriptors
    assert late.threads <= early.threads + SHARED_THREADS
    assert late.tasks <= early.tasks
    assert late.objects - early.objects < 60, "something stays behind in most ticks"
    assert late.resident_mb - early.resident_mb < 5
