"""Threads for blocking calls that do not delay the exit of the process."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from adapters.runtime.threads import DaemonThreads
from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[3]


def test_results_and_errors_come_back():
    threads = DaemonThreads(2, "t")

    assert threads.submit(lambda a, b: a + b, 1, b=2).result(PATIENCE_SECONDS) == 3
    with pytest.raises(ZeroDivisionError):
        threads.submit(lambda: 1 / 0).result(PATIENCE_SECONDS)
    assert threads.submit(lambda: "still here").result(PATIENCE_SECONDS) == "still here"
    threads.shutdown()


def test_at_most_the_limit_runs_at_once():
    threads, gate, entered = DaemonThreads(3, "t"), threading.Event(), threading.Semaphore(0)

    def work():
        entered.release()
        return gate.wait(PATIENCE_SECONDS)

    futures = [threads.submit(work) for _ in range(8)]
    for _ in range(3):
        assert entered.acquire(timeout=PATIENCE_SECONDS)
    assert not entered.acquire(timeout=0.1)
    gate.set()

    assert all(future.result(PATIENCE_SECONDS) for future in futures)
    threads.shutdown()


def test_a_free_thread_is_used_before_another_is_started():
    threads = DaemonThreads(8, "t")
    for _ in range(20):
        threads.submit(lambda: None).result(PATIENCE_SECONDS)

    assert threads._started <= 2
    threads.shutdown()


def test_a_cancelled_queued_call_is_never_made():
    threads, gate, made = DaemonThreads(1, "t"), threading.Event(), []
    threads.submit(gate.wait, PATIENCE_SECONDS)
    waiting = threads.submit(made.append, 1)
    assert waiting.cancel()
    gate.set()
    threads.submit(lambda: None).result(PATIENCE_SECONDS)

    assert made == []
    threads.shutdown()


def test_after_shutdown_no_call_is_accepted():
    threads = DaemonThreads(1, "t")
    threads.shutdown()

    with pytest.raises(RuntimeError, match="accepts no calls"):
        threads.submit(lambda: None)


def test_a_call_that_never_returns_does_not_block_exit():
    code = ("import threading\nfrom adapters.runtime.threads import DaemonThreads\nstarted = threading.Event()\n"
            "def hang():\n    started.set()\n    threading.Event().wait()\n"
            "DaemonThreads(1, 't').submit(hang)\nstarted.wait(10)\nprint('gone')")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_SECONDS, cwd=ROOT)

    assert run.stdout.strip() == "gone", run.stderr
