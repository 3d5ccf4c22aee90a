"""A daemon does not hold more the longer it lives; `python -m benchmarks.month` sees a whole month."""

import pytest

from tests import endurance

SHARED_THREADS = 8
"""The loop's own pool begins them as they are needed, and no more."""


@pytest.mark.skipif(not endurance.THERE, reason="there is no /proc here to count in")
async def test_hours_of_ticks_and_questions_leave_no_handle_thread_task_or_object_behind(tmp_path):
    seen = [held async for held in endurance.lives(tmp_path, 240, 80)]
    early, late = seen[0], seen[-1]

    assert late.descriptors <= early.descriptors
    assert late.threads <= early.threads + SHARED_THREADS
    assert late.tasks <= early.tasks
    assert late.objects - early.objects < 60, "something stays behind in most ticks"
    assert late.resident_mb - early.resident_mb < 20
