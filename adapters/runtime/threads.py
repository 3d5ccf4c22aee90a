"""Thread pool for blocking calls that does not delay the exit of the process.

The interpreter waits for the standard library's pool at exit, so a response that never finishes would block the exit.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


class DaemonThreads(Executor):
    """Executor with up to `most` threads, started on demand; each runs one call at a time."""

    def __init__(self, most: int, name: str) -> None:
        self._most, self._name = most, name
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._free, self._lock = threading.Semaphore(0), threading.Lock()
        self._started, self._closed = 0, False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call `fn` in a thread, at once if one is free or can be started, else after a queued call."""
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001  (raised when the result is read)
                future.set_exception(error)

        with self._lock:
            if self._closed:
                raise RuntimeError(f"{self._name} is shut down and accepts no calls")
            self._work.put(run)
            if not self._free.acquire(blocking=False) and self._started < self._most:
                self._started += 1
                threading.Thread(target=self._serve, name=f"{self._name}-{self._started}", daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        """Accept no more calls. Running calls are not waited for, with any `wait`; queued calls still run."""
        with self._lock:
            self._closed = True
            for _ in range(self._started):
                self._work.put(None)

    def _serve(self) -> None:
        while (run := self._work.get()) is not None:
            run()
            del run  # it references the future with the result
            self._free.release()
