"""An event loop with no machine under it: time jumps to the next deadline, threads run in turn, a kill comes at any turn."""

import asyncio
from datetime import datetime, timedelta


class Killed(BaseException):
    """The process is gone, as by kill -9: nothing of it runs any more."""


class VirtualClock:
    """Monotonic seconds that a loop moves on, and a wall clock that can be set wrong meanwhile."""

    def __init__(self, start: datetime) -> None:
        self.start, self.seconds, self.wrong_by = start, 0.0, 0.0
        self.jumped_at: float | None = None
        self.skipped = 0.0
        """Seconds that the wall clock has ever left out."""

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.seconds + self.wrong_by)

    def truth(self) -> datetime:
        """What the provider's clock says: nobody sets that one wrong."""
        return self.start + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def passed(self) -> float:
        """Seconds that may have passed by the wall clock: what it left out counts, what it told twice counts once."""
        return self.seconds + self.skipped

    def jump(self, seconds: float) -> None:
        """Set the wall clock by so much."""
        self.wrong_by += seconds
        self.skipped += max(0.0, seconds)
        self.jumped_at = self.seconds

    def jumped_within(self, seconds: float) -> bool:
        """Whether the wall clock was set within the last `seconds`."""
        return self.jumped_at is not None and self.seconds - self.jumped_at <= seconds


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs on a `VirtualClock`. After `kill_in` more turns `Killed` leaves `run_until_complete`, between any two awaits."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock, self._selector = clock, self
        self.kill_in: int | None = None
        self.set_exception_handler(lambda *_: None)  # what a killed process leaves behind complains to nobody

    def time(self) -> float:
        return self._clock.seconds

    def select(self, timeout: float | None) -> tuple[()]:
        """The place where a real loop would wait for the system."""
        if self.kill_in is not None:
            self.kill_in -= 1
            if self.kill_in < 0:
                raise Killed
        if timeout is None:
            raise AssertionError("every task waits for something that never comes")
        if timeout > 0:
            self._clock.seconds += timeout
        return ()

    def _process_events(self, events: tuple[()]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody sleeps in a system call."""

    def run_in_executor(self, executor, func, *args):
        """A thread's work, done whole at a turn of its own: a kill comes before it, or after it and before its answer."""
        answer = self.create_future()

        def work() -> None:
            try:
                result = func(*args)
            except Exception as error:  # noqa: BLE001 - carried to whoever waits, as by a thread
                if not answer.done():
                    answer.set_exception(error)
            else:
                if not answer.done():
                    answer.set_result(result)

        self.call_soon(work)
        return answer

    def bury(self) -> None:
        """Drop all tasks where they stand."""
        for task in asyncio.all_tasks(self):
            task._log_destroy_pending = False
            try:
                task.get_coro().close()
            except RuntimeError:  # it wanted to await in its finally: a dead process does not
                continue
        self._ready.clear()
        self._scheduled.clear()
        self.close()
