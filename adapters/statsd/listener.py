"""Sockets that receive StatsD datagrams: UDP, and UNIX datagram sockets. Never blocks the event loop, and is bounded."""

import asyncio
import contextlib
import errno
import socket
import stat
import sys
from collections.abc import Callable
from pathlib import Path

from adapters.ports.reports import Report, sender_name
from adapters.statsd.gauges import Gauges
from adapters.statsd.lines import Malformed, samples
from config.model.statsd import StatsD, place_of

LARGEST = 65_535
"""Bytes of a datagram; a longer one is cut off."""

MOST_AT_ONCE = 1000
"""Datagrams that are read in one turn of the event loop."""

EVERY_SECONDS = 0.05
"""Time between two turns: changes in between are one report, and the kernel keeps the datagrams."""

BUFFER_BYTES = 1 << 20
DROPPED = 40
"""Linux's SO_RXQ_OVFL: each datagram says how many were dropped before it, because the buffer was full."""

MODE = 0o660


class CannotReceive(Exception):
    """The address or the path is not available; one line with the remedy."""


class Listener:
    """Receiver of one socket. `report`: records a report of a pool. `lost`: a value of a pool is lost. `malformed`: why a line or
    a datagram cannot be used. `every`: seconds between two turns.
    """

    def __init__(self, bound: socket.socket, gauges: Gauges, report: Callable[[str, Report], None], lost: Callable[[str], None],
                 malformed: Callable[[str], None], every: float = EVERY_SECONDS) -> None:
        self._every = every
        self._socket, self._gauges, self._report, self._lost, self._malformed = bound, gauges, report, lost, malformed
        self._dropped = 0
        self._next: asyncio.TimerHandle | None = None
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        with contextlib.suppress(OSError):  # Linux only
            bound.setsockopt(socket.SOL_SOCKET, DROPPED, 1)
        self._watch()

    @property
    def address(self) -> object:
        """Actual address: host and port, or path."""
        return self._socket.getsockname()

    def close(self) -> None:
        """Stop receiving."""
        if self._next is not None:
            self._next.cancel()
        asyncio.get_running_loop().remove_reader(self._socket)
        if self._socket.family == socket.AF_UNIX:
            Path(str(self.address)).unlink(missing_ok=True)
        self._socket.close()

    def _watch(self) -> None:
        self._next = None
        asyncio.get_running_loop().add_reader(self._socket, self._turn)

    def _turn(self) -> None:
        """Read the datagrams that are there, report, and pause."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._socket)
        self._next = loop.call_later(self._every, self._watch)
        for _ in range(MOST_AT_ONCE):
            try:
                data, extra, flags, address = self._socket.recvmsg(LARGEST, socket.CMSG_SPACE(4))
            except OSError:  # none left, or an error of an earlier datagram of ours
                break
            self._note_dropped(extra)
            if flags & socket.MSG_TRUNC:
                self._malformed(f"a datagram is longer than {LARGEST} bytes")
            self._read(data, sender_name(address[0]) if isinstance(address, tuple) else "unix")
        for pool, report in self._gauges.reports():
            self._report(pool, report)

    def _read(self, data: bytes, origin: str) -> None:
        """Record the lines of a datagram. `origin`: the sender of lines without one."""
        for line in data.split(b"\n"):
            try:
                for sample in samples(line):
                    if not self._gauges.apply(sample, sample.sender or origin):
                        self._lost(sample.pool)
            except Malformed as error:
                self._malformed(str(error))
                if error.pool:
                    self._lost(error.pool)

    def _note_dropped(self, extra: list[tuple[int, int, bytes]]) -> None:
        for level, kind, value in extra:
            if (level, kind) == (socket.SOL_SOCKET, DROPPED):
                dropped = int.from_bytes(value[:4], sys.byteorder)
                if dropped != self._dropped:
                    self._dropped = dropped
                    self._malformed("datagrams were dropped because too many arrived at once: let senders report less often")
                    for pool in self._gauges.lose():
                        self._lost(pool)


def bound(settings: StatsD) -> list[socket.socket]:
    """Return the sockets of `settings`. Raise `CannotReceive`."""
    opened: list[socket.socket] = []
    try:
        if settings.address is not None:
            host, port = place_of(settings.address)
            opened.append(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM))
            opened[-1].bind((host, port))
        if settings.socket is not None:
            opened.append(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            remove_stale(Path(settings.socket))
            opened[-1].bind(settings.socket)
            Path(settings.socket).chmod(MODE)
    except OSError as error:
        for each in opened:
            each.close()
        at_path = bool(opened) and opened[-1].family == socket.AF_UNIX
        place = f"socket {settings.socket}" if at_path else f"address {settings.address}"
        why = "another process uses it" if error.errno == errno.EADDRINUSE else error.strerror or str(error)
        raise CannotReceive(f"cannot listen on statsd.{place}: {why}: correct the policy, or stop the other process") from error
    return opened


def remove_stale(path: Path) -> None:
    """Remove the socket of an earlier process. Raise `OSError` if a process listens on it, or if it is no socket."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise OSError(errno.EEXIST, "it exists and is no socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
    raise OSError(errno.EADDRINUSE, "another process uses it")
