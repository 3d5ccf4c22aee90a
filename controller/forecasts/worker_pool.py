"""Worker processes for forecasts. A forecast takes about 0.5 s of CPU time, the first one of a process 3 s more.

Workers run at low priority and never block the event loop. A worker that crashes or hangs is replaced and its forecast is lost. A
worker stops when the daemon stops, even after SIGKILL.
"""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import timedelta
from functools import partial
from typing import ParamSpec, TypeVar

import structlog

from adapters.runtime.threads import DaemonThreads

PATIENCE = timedelta(seconds=150)
"""Timeout of a call. A worker needs about 4 s of CPU time including its start, and gets 1/20 of a busy core at its priority. The
timeout is shorter than the HTTP server waits for a client to read a response.
"""

MOST_CLOSING = timedelta(seconds=10)
NICENESS = 10

P = ParamSpec("P")
T = TypeVar("T")
log = structlog.get_logger("stoker.forecasts")


def initialize_worker() -> None:
    """Lower the priority of a new worker, ignore Ctrl-C (the daemon handles it), and stop the worker when the daemon stops.

    A worker waits on a pipe of which it holds both ends itself, so it would not notice that a killed daemon has gone.
    """
    os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, name="end with parent", daemon=True).start()


def end_with_parent() -> None:
    """Wait until the daemon's process has ended, then exit."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


class ForecastWorkers:
    """Pool of workers, started on first use. Failures of a worker are logged and not raised."""

    def __init__(self, workers: int = 1, patience: timedelta = PATIENCE) -> None:
        self._workers, self._patience = workers, patience
        self._executor: ProcessPoolExecutor | None = None
        self._free = asyncio.Semaphore(workers)
        self._closed = False
        self.failures = 0
        """Number of calls that failed, or whose worker crashed or hung."""

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Return what `work` returns, or None after a failure. `work` and its arguments are pickled. Waiting for a free worker
        does not count towards the timeout.
        """
        async with self._free:
            if self._closed:
                return None
            try:
                running = asyncio.get_running_loop().run_in_executor(self._started(), partial(work, *args, **kwargs))
                return await asyncio.wait_for(running, self._patience.total_seconds())
            except (TimeoutError, BrokenProcessPool) as error:
                self._end()
                self._count_failure(error)
            except Exception as error:  # noqa: BLE001  numerical libraries raise many types; the daemon continues without the result
                self._count_failure(error)
            return None

    def _started(self) -> ProcessPoolExecutor:
        if self._executor is None:  # spawned, not forked: a fork of a process with threads and sockets may hang
            context = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(self._workers, mp_context=context, initializer=initialize_worker)
        return self._executor

    def _count_failure(self, error: Exception) -> None:
        if not self._closed:
            self.failures += 1
            log.warning("forecast-failed", error=repr(error),
                        text="decisions continue without it; the next one uses a new worker")

    def _end(self) -> None:
        """Kill the workers: a hanging one does not react to a shutdown request."""
        if self._executor is None:
            return
        processes = list((self._executor._processes or {}).values())  # noqa: SLF001  no public way before Python 3.14
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = None
        for process in processes:
            process.kill()
            process.join()

    async def close(self) -> None:
        """Kill the workers. Later calls of `run` return None. What does not end within `MOST_CLOSING` is left: the daemon must
        still release its capacity.
        """
        self._closed = True
        thread = DaemonThreads(1, "end of forecast workers")
        try:
            ended = asyncio.get_running_loop().run_in_executor(thread, self._end)
            await asyncio.wait_for(asyncio.shield(ended), MOST_CLOSING.total_seconds())
        except TimeoutError:
            log.warning("forecast-workers-left", seconds=MOST_CLOSING.total_seconds(),
                        text="the workers of forecasts did not end in time; the daemon stops without waiting for them")
        finally:
            thread.shutdown()
