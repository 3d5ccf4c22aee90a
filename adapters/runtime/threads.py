"""Threads for blocking calls that do not keep the process from ending.

The standard library's pool is waited for when the interpreter exits, so that one answer that drips for ever would be too.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


class DaemonThreads(Executor):
    """Up to `most` threads, started as they are needed; each serves one call at a time."""

    def __init__(self, most: int, name: str) -> None:
        self._most, self._name = most, name
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._free, self._lock = threading.Semaphore(0), threading.Lock()
        self._started, self._closed = 0, False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call `fn` in a thread; at once if one is free or may be started."""
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001  (it is raised where the result is asked for)
                future.set_exception(error)

        with self._lock:
            if self._closed:
                raise RuntimeError(f"{self._name} takes no more calls")
            self._work.put(run)
            if not self._free.acquire(blocking=False) and self._started < self._most:
                self._started += 1
                threading.Thread(target=self._serve, name=f"{self._name}-{self._started}", daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        """Take no more calls. Those under way are not waited for, whatever `wait` says; those that wait are still made."""
        with self._lock:
            self._closed = True
            for _ in range(self._started):
                self._work.put(None)

    def _serve(self) -> None:
        while (run := self._work.get()) is not None:
            run()
            del run  # holds the future, and with it the answer
            self._free.release()
