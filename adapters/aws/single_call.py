"""One call to AWS between being asked for and leaving: whether it still may leave, and whether it has."""

import threading
from contextvars import ContextVar

from botocore.awsrequest import AWSPreparedRequest

from adapters.ports.errors import Unreachable
from adapters.ports.lease_store import Fence


class Sending:
    """A call that leaves at most once, and not after its caller has stopped waiting: a write then has not happened.

    Used from two threads: the caller's, and the one that makes the call.
    """

    def __init__(self, fence: Fence | None = None) -> None:
        self.left = False
        """It was handed to the connection: from here on AWS may carry it out."""
        self._fence, self._lock, self._given_up = fence, threading.Lock(), False

    def leave(self, request: AWSPreparedRequest) -> None:
        """Raise if the call may not leave; else put the fencing number into the one header that is not signed, for CloudTrail."""
        if self._fence is not None:
            self._fence.check()
        with self._lock:
            if self._given_up:
                raise Unreachable("not sent: its caller has stopped waiting")
            self.left = True
        if self._fence is not None:
            request.headers["User-Agent"] = f"{request.headers['User-Agent']} fencing/{self._fence.number}"

    def give_up(self) -> bool:
        """Keep the call from leaving; return whether it has left already."""
        with self._lock:
            self._given_up = True
            return self.left


CURRENT: ContextVar[Sending] = ContextVar("sending")
"""The call that this thread is making."""


def before_send(request: AWSPreparedRequest, **_: object) -> None:
    """The last step before a request leaves, after credentials, signing and whatever else takes time."""
    CURRENT.get().leave(request)
