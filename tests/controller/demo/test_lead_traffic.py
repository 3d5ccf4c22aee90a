"""Traffic that something else runs ahead of."""

import numpy as np

from controller.demo.lead_traffic import CALLED_AFTER, TOOLS, WORKERS, agent_with_tools, handled, queue_with_workers
from controller.demo.traffic import Span

SPAN = Span(0, 3 * 1440)


def match(signal, demand, minutes):
    """The correlation of demand with the signal so many minutes before."""
    return np.corrcoef(signal[: len(signal) - minutes], demand[minutes:])[0, 1]


def test_calls_of_tools_follow_the_sessions_of_the_agent():
    called = agent_with_tools(SPAN, np.random.default_rng(3))

    assert set(called.tools) == set(TOOLS)
    for series in called.tools.values():
        by_minutes = [match(called.planner.peak, series.peak, minutes) for minutes in range(8)]
        assert CALLED_AFTER[0] <= int(np.argmax(by_minutes)) <= CALLED_AFTER[1]
        assert max(by_minutes) > 0.8


def test_each_session_calls_each_tool_as_often_as_stated_on_average():
    called = agent_with_tools(Span(0, 14 * 1440), np.random.default_rng(3))
    sessions = float(called.planner.invocations.sum())

    for name, (mean, _) in TOOLS.items():
        assert np.isclose(called.tools[name].invocations.sum() / sessions, mean, rtol=0.05)


def test_workers_start_one_by_one_while_messages_wait_and_handle_all():
    queue = queue_with_workers(SPAN, np.random.default_rng(3))
    most = int(np.argmax(queue.depth.peak))
    ramp = queue.workers.peak[most : most + 6]

    assert queue.workers.peak.max() <= WORKERS
    assert (np.diff(ramp) > 0).all()
    assert queue.depth.peak.max() > 5 * WORKERS
    assert abs(queue.workers.invocations.sum() - queue.depth.invocations.sum()) <= 2 * WORKERS


def test_a_message_is_handled_at_once_by_a_free_worker():
    assert handled(np.array([0.0, 30.0, 31.0]), np.array([10.0, 10.0, 10.0])).tolist() == [0.0, 30.0, 31.0]


def test_the_same_seed_has_the_same_traffic():
    first, second = (queue_with_workers(SPAN, np.random.default_rng(3)) for _ in range(2))

    assert np.array_equal(first.workers.peak, second.workers.peak)
