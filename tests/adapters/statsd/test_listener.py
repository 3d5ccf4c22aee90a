"""Datagrams over real sockets of loopback."""

import asyncio
import errno
import socket
from pathlib import Path

import pytest

from adapters.statsd import listener as module
from adapters.statsd.gauges import Gauges
from adapters.statsd.listener import CannotReceive, Listener, bound
from config.model.statsd import StatsD
from tests.patience import PATIENCE_SECONDS


class Received:
    """A listener, and what it has called."""

    def __init__(self, settings):
        self.reports, self.lost, self.malformed = [], [], []
        self.listeners = [Listener(each, Gauges(0), lambda *report: self.reports.append(report), self.lost.append,
                                   self.malformed.append) for each in bound(settings)]

    async def until(self, condition):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.005)


@pytest.fixture
async def listen():
    made = []

    def start(settings):
        made.append(Received(settings))
        return made[-1]

    yield start
    for each in made:
        for listener in each.listeners:
            listener.close()


def sent(address, *datagrams, family=socket.AF_INET):
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        for each in datagrams:
            client.sendto(each, address)


async def test_udp_datagrams_of_several_lines_are_reports(listen):
    here = listen(StatsD(address="127.0.0.1:0"))
    sent(here.listeners[0].address, b"stoker.in_flight.a:3|g\nother:1|c\nstoker.in_flight.b:+1|g|#sender:x\n")
    await here.until(lambda: len(here.reports) == 2)
    (pool, first), (other, second) = here.reports

    assert (pool, first.sender, first.in_flight) == ("a", "127.0.0.1", 3)
    assert (other, second.sender, second.in_flight, second.peak) == ("b", "x", None, 1)
    assert (here.malformed, here.lost) == ([], ["b"])


async def test_changes_within_a_turn_are_one_report(listen):
    here = listen(StatsD(address="127.0.0.1:0"))
    sent(here.listeners[0].address, b"stoker.in_flight.a:0|g", *[b"stoker.in_flight.a:+1|g"] * 200)
    await here.until(lambda: here.reports and here.reports[-1][1].in_flight == 200)

    assert len(here.reports) < 20
    assert sum(report.started or 0 for _, report in here.reports) == 200


async def test_a_unix_socket_is_for_user_and_group_and_replaces_a_stale_one(listen, tmp_path):
    path = tmp_path / "statsd.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stale:
        stale.bind(str(path))
    here = listen(StatsD(socket=str(path)))
    sent(str(path), b"stoker.in_flight.a:3|g", family=socket.AF_UNIX)
    await here.until(lambda: here.reports)

    assert here.reports[0][1].sender == "unix"
    assert path.stat().st_mode & 0o777 == 0o660


async def test_a_path_or_port_in_use_is_refused_with_the_remedy(listen, tmp_path):
    path, file = str(tmp_path / "statsd.sock"), tmp_path / "file"
    file.write_text("kept")
    here = listen(StatsD(socket=path, address="127.0.0.1:0"))
    port = here.listeners[0].address[1]
    for settings in (StatsD(socket=path), StatsD(address=f"127.0.0.1:{port}")):
        with pytest.raises(CannotReceive, match=r"cannot listen on statsd.*another process uses it: correct the policy"):
            bound(settings)
    with pytest.raises(CannotReceive, match="it exists and is no socket"):
        bound(StatsD(socket=str(file)))

    assert file.read_text() == "kept"


async def test_a_socket_is_removed_when_it_is_closed(tmp_path):
    here = Received(StatsD(socket=str(tmp_path / "s")))
    here.listeners[0].close()

    assert not (tmp_path / "s").exists()


async def test_lines_that_cannot_be_used_are_counted_and_their_pool_is_unknown(listen):
    here = listen(StatsD(address="127.0.0.1:0"))
    sent(here.listeners[0].address, b"\xff\x00\xfe", b"stoker.in_flight.a:x|g\nstoker.in_flight:1|g\nstoker.in_flight.b:2|g", b"")
    await here.until(lambda: here.reports)

    assert (len(here.malformed), here.lost, [pool for pool, _ in here.reports]) == (2, ["a"], ["b"])


@pytest.mark.skipif(not Path("/proc/net/udp").exists(), reason="only Linux counts dropped datagrams")
async def test_dropped_datagrams_make_levels_of_changes_unknown(listen, monkeypatch):
    monkeypatch.setattr(module, "BUFFER_BYTES", 2048)
    here = listen(StatsD(address="127.0.0.1:0"))
    address = here.listeners[0].address
    sent(address, b"stoker.in_flight.a:0|g", *[b"stoker.in_flight.a:+1|g"] * 500)
    await here.until(lambda: here.reports)
    sent(address, b"stoker.in_flight.a:+1|g")
    await here.until(lambda: here.reports[-1][1].in_flight is None)

    assert "datagrams were dropped" in here.malformed[0]
    assert set(here.lost) == {"a"}


async def test_a_datagram_that_is_too_long_is_counted(listen, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 30)
    here = listen(StatsD(socket=str(tmp_path / "s")))
    sent(str(tmp_path / "s"), b"stoker.in_flight.a:3|g\nother.metric:1|c", family=socket.AF_UNIX)
    await here.until(lambda: here.reports)

    assert here.malformed == ["a datagram is longer than 30 bytes"]


def test_without_ipv6_the_error_is_one_line(monkeypatch):
    def refused(*_):
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

    monkeypatch.setattr(socket, "socket", refused)
    with pytest.raises(CannotReceive, match=r"statsd.address \[::1\]:8125: Address family not supported"):
        bound(StatsD(address="[::1]:8125"))
