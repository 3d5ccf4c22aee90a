"""State of one call to AWS before it is sent: whether it may be sent, and whether it was."""

import threading
from contextvars import ContextVar

from botocore.awsrequest import AWSPreparedRequest

from adapters.ports.errors import Unreachable
from adapters.ports.lease_store import Fence


class PendingCall:
    """A call that is sent at most once, and not after its caller stopped waiting: a write then has not happened.

    Two threads use it: the caller's, and the one that makes the call.
    """

    def __init__(self, fence: Fence | None = None) -> None:
        self.sent = False
        """The request was passed to the connection: AWS may carry it out from then on."""
        self._fence, self._lock, self._abandoned = fence, threading.Lock(), False

    def send(self, request: AWSPreparedRequest) -> None:
        """Mark the call as sent, and add the fencing number to the User-Agent, which is not signed and which CloudTrail records.

        Raise `Unreachable` when the caller stopped waiting, `Unfenced` when the write is no longer allowed.
        """
        if self._fence is not None:
            self._fence.check()
        with self._lock:
            if self._abandoned:
                raise Unreachable("not sent: the caller stopped waiting")
            self.sent = True
        if self._fence is not None:
            request.headers["User-Agent"] = f"{request.headers['User-Agent']} fencing/{self._fence.number}"

    def abandon(self) -> bool:
        """Prevent the call from being sent. Return whether it was sent already."""
        with self._lock:
            self._abandoned = True
            return self.sent


CURRENT_CALL: ContextVar[PendingCall] = ContextVar("pending")
"""Call of this thread."""


def before_send(request: AWSPreparedRequest, **_: object) -> None:
    """Run the last step before a request is sent, after credentials, signing and all other steps that take time."""
    CURRENT_CALL.get().send(request)
