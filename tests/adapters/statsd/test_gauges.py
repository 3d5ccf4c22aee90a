"""Gauges of StatsD senders, as a pool counts them."""

from adapters.push.inbox import PoolInbox
from adapters.statsd import gauges as module
from adapters.statsd.gauges import Gauges
from adapters.statsd.lines import samples

START = 1_772_452_800.0
MINUTE = int(START // 60)


class Played:
    """A pool that has listened for an hour, and whose other sender has nothing in flight."""

    def __init__(self):
        self.gauges, self.inbox, self.at = Gauges(1000), PoolInbox(30.0, START - 3600), START - 10
        self.send(0, sender="idle")

    def send(self, *values, sender="web-1", seconds=10):
        """Values in one turn of the listener, and the time until the next one."""
        for name, value in (*((sender, each) for each in values), ("idle", 0)):
            (sample,) = samples(f"stoker.in_flight.a:{value}|g".encode())
            self.gauges.apply(sample, name)
        for _, report in self.gauges.reports():
            self.inbox.accept(report, self.at)
        self.at += seconds
        self.inbox.advance(self.at)
        return self

    def rows(self, count):
        """Peak and requests of each minute; None for an unknown one."""
        series = self.inbox.series(MINUTE, MINUTE + count).window(MINUTE, MINUTE + count)
        return [(float(peak), float(started)) if known else None for known, peak, started in
                zip(series.known, series.peak, series.invocations, strict=True)]


def test_a_gauge_is_what_is_in_flight():
    played = Played()
    for value in (3, 5, 1, 1, 1, 1):
        played.send(value)

    assert played.rows(1) == [(5, 2)]


def test_changes_add_to_the_level_and_short_requests_count():
    played = Played().send(0).send("+2").send("-1").send("+1", "-1").send("-1").send(0)

    assert played.rows(1) == [(2, 3)]


def test_changes_before_an_absolute_value_are_unknown():
    played = Played()
    for value in ["+1"] * 6 + [6] * 12:
        played.send(value)

    assert played.rows(3)[0] is None
    assert played.rows(3)[2] == (6, 0)


def test_after_lost_datagrams_changes_are_unknown_until_the_next_absolute_value():
    played = Played().send(0)
    for _ in range(5):
        played.send("+1")
    assert played.gauges.lose() == ["a"]
    for value in ["+1"] * 6 + [3] * 12:
        played.send(value)
    *lost, after = played.rows(4)

    assert (lost, after) == ([None] * 3, (3, 0))


def test_absolute_values_survive_lost_datagrams():
    played = Played().send(2)

    assert played.gauges.lose() == []
    assert all(gauge.sure for gauge in played.gauges._gauges.values())


def test_a_change_below_zero_is_unknown():
    played = Played().send(1)
    for _ in range(5):
        played.send("-2")

    assert played.rows(1) == [None]


def test_a_silent_sender_is_unknown():
    played = Played().send(2)
    for _ in range(11):
        played.send()

    assert list(played.inbox.silent) == ["web-1"]
    assert played.rows(1) == [None]


def test_the_number_of_gauges_is_limited(monkeypatch):
    monkeypatch.setattr(module, "MOST_GAUGES", 3)
    played = Played()
    for number in range(10):
        played.send(1, sender=f"web-{number}", seconds=0)

    assert len(played.gauges._gauges) == 3
