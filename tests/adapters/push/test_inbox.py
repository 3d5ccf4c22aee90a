"""Demand of a pool from the reports of its senders."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.ports.reports import Report, TooMany
from adapters.push import inbox as inboxes
from adapters.push.inbox import PoolInbox

START = 1_772_452_800.0
"""Start of a minute, in seconds since the epoch."""

MINUTE = int(START // 60)


def level(sequence, in_flight, sender="a", **more):
    return Report(sender, sequence, in_flight=in_flight, **more)


def delta(sequence, started, ended, sender="a"):
    return Report(sender, sequence, started=started, ended=ended)


def fed(*reports, upto=180.0, silence=30.0):
    """Inbox that has listened for 60 s before `START`. `reports`: seconds after `START`, and the report."""
    inbox = PoolInbox(silence, START - 60)
    for at, report in sorted(reports, key=lambda each: each[0]):
        inbox.accept(report, START + at)
    inbox.advance(START + upto)
    return inbox


def beating(upto, *, sender="a", in_flight=1, every=10):
    """Reports of one sender from 5 s before `START`, every `every` seconds up to `upto`."""
    return [(at, level(1000 + at, in_flight, sender)) for at in range(-5, upto, every)]


def rows(inbox, count=3):
    series = inbox.series(MINUTE, MINUTE + count).window(MINUTE, MINUTE + count)
    return [None if np.isnan(peak) else (float(peak), round(float(busy), 6), float(started))
            for peak, busy, started in zip(series.peak, series.busy, series.invocations, strict=True)]


def test_the_average_is_weighted_by_time_and_the_peak_is_that_of_the_sum():
    inbox = fed((-5, level(1, 0)), (5, level(1, 0, "b")), (15, level(2, 4, started=4)), (30, level(2, 2, "b", started=2)),
                (30, level(3, 1)), (45, level(4, 0)), (45, level(3, 0, "b")), (59, level(5, 0)), (59, level(4, 0, "b")), upto=60)

    assert rows(inbox, 1) == [(6.0, (15 * 4 + 15 * 3) / 60, 6.0)]


def test_deltas_give_the_same_minute_as_levels():
    inbox = fed((-5, level(1, 0)), (15, delta(2, 4, 0)), (30, delta(3, 0, 3)), (45, delta(4, 2, 3)), (59, delta(5, 0, 0)),
                upto=60)

    assert rows(inbox, 1) == [(4.0, (15 * 4 + 15 * 1) / 60, 6.0)]


def test_without_a_count_of_starts_the_rises_of_a_known_sender_count():
    inbox = fed((-5, level(1, 3)), (10, level(2, 5)), (20, level(3, 1)), (30, level(4, 2)), (59, level(5, 2)), upto=60)

    assert rows(inbox, 1)[0][2] == 3


def test_a_minute_is_known_as_soon_as_it_has_ended():
    assert rows(fed(*beating(60), upto=60.0), 1) == [(1.0, 1.0, 0.0)]


def test_a_peak_between_two_reports_counts_and_so_does_a_short_request():
    inbox = fed(*beating(60, in_flight=0), (60, level(2000, 0, peak=7, started=9)), *((at, level(2000 + at, 0)) for at in
                range(70, 120, 10)), (120, level(3000, 0, started=1)), *((at, level(3000 + at, 0)) for at in range(130, 180, 10)))

    assert [row[0] for row in rows(inbox)] == [0.0, 7.0, 1.0]


def test_a_silent_sender_makes_minutes_unknown_from_its_last_report_on():
    inbox = fed(*beating(180), *beating(80, sender="b", in_flight=5))

    assert rows(inbox) == [(6.0, 6.0, 0.0), None, None]  # b reported last at 75 s
    assert list(inbox.silent) == ["b"]


def test_a_minute_that_was_known_becomes_unknown_once_its_sender_is_found_silent():
    inbox = fed(*beating(60), *beating(50, sender="b", in_flight=5), upto=60.0)
    assert rows(inbox, 1) == [(6.0, 6.0, 0.0)]
    inbox.advance(START + 80)

    series = inbox.series(MINUTE, MINUTE + 1)
    assert np.isnan(series.peak[0])
    assert series.recorded[0], "only a recorded row replaces the known one"


def test_after_a_final_report_the_minutes_are_zero():
    inbox = fed(*beating(60), (60, level(5000, 0, final=True)))

    assert rows(inbox) == [(1.0, 1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 0.0)]


def test_a_sender_that_returns_makes_the_next_whole_minute_known():
    inbox = fed(*beating(20), *((at, level(9000 + at, 2)) for at in range(70, 180, 10)))

    assert rows(inbox) == [None, None, (2.0, 2.0, 0.0)]


def test_minutes_before_all_senders_could_report_are_unknown_and_replace_nothing():
    inbox = PoolInbox(30.0, START + 5)
    for at in range(10, 180, 10):
        inbox.accept(level(at, 1), START + at)
    inbox.advance(START + 180)

    assert inbox.series(MINUTE, MINUTE + 3).first_minute == MINUTE + 1
    assert rows(inbox) == [None, (1.0, 1.0, 0.0), (1.0, 1.0, 0.0)]


def test_without_any_report_every_minute_is_unknown():
    assert len(fed().series(MINUTE, MINUTE + 3)) == 0


def test_a_sender_silent_for_an_hour_is_forgotten_only_while_others_report():
    inbox = fed(*beating(4000), *beating(60, sender="b", in_flight=5), upto=4000.0)
    assert not inbox.silent
    alone = fed(*beating(60, sender="b", in_flight=5), upto=8000.0)
    assert list(alone.silent) == ["b"]


def test_a_restart_of_the_sender_replaces_its_earlier_life():
    inbox = fed(*((at, level(2 + at // 10, 5)) for at in range(0, 50, 10)), (50, level(1, 0)), (55, level(2, 1)), upto=59.0)

    assert inbox.peak == 5
    assert inbox.accept(level(3, 2), START + 60).peak == 2


def test_a_missing_delta_makes_the_minute_unknown_until_a_level_comes():
    lost = ((-5, level(1, 0)), (10, delta(2, 1, 0)), (20, delta(4, 1, 0)), (30, delta(5, 0, 0)))

    assert rows(fed(*lost, upto=60), 1) == [None]
    assert rows(fed(*lost, (35, level(6, 3)), upto=60), 1) != [None]
    assert fed(*lost).accept(delta(8, 0, 0), START + 181).in_flight is None


def test_one_sender_too_many_is_refused_and_the_minute_is_unknown(monkeypatch):
    monkeypatch.setattr(inboxes, "MOST_SENDERS", 1)
    inbox = fed(*beating(50))
    with pytest.raises(TooMany, match="1 senders"):
        fed(*beating(50), upto=50.0).accept(level(1, 1, "b"), START + 50)
    with pytest.raises(TooMany):
        inbox.accept(level(1, 1, "b"), START + 180)


def test_a_clock_set_back_makes_the_minute_unknown_and_keeps_what_is_in_flight():
    inbox = fed(*beating(110, in_flight=4), upto=110.0)
    inbox.advance(START + 30)
    for at in range(30, 180, 10):
        inbox.accept(level(5000 + at, 4), START + at)
    inbox.advance(START + 180)

    assert rows(inbox) == [None, (4.0, 4.0, 0.0), (4.0, 4.0, 0.0)]


@given(st.randoms(use_true_random=False))
def test_repeats_and_reorderings_change_nothing(rng):
    """Reports at one instant, in any order and with repeats, give the same as in order."""
    now, number, in_order, shuffled = -20.0, 1, [(-25.0, level(1, 0))], [(-25.0, level(1, 0))]
    while now < 170:
        batch, running = [], rng.randrange(5)
        for _ in range(rng.randrange(1, 5)):
            number += 1
            started, ended = rng.randrange(4), rng.randrange(2)
            batch.append(delta(number, started, ended) if rng.random() < 0.5 else level(number, running, started=started))
        in_order += [(now, each) for each in batch]
        mixed = batch + [replace(rng.choice(batch)) for _ in range(rng.randrange(3))]
        rng.shuffle(mixed)
        shuffled += [(now, each) for each in mixed]
        now += rng.randrange(1, 20)
    first, second = fed(*in_order), fed(*shuffled)

    assert first._total == second._total
    assert [row and row[1:] for row in rows(first)] == [row and row[1:] for row in rows(second)]


@given(st.integers(0, 2**32))
def test_no_failure_of_senders_makes_a_known_minute_lower_than_what_runs(seed):
    """Senders run, are killed, fall silent, repeat and return: each known minute has at least the demand that really ran."""
    rng = np.random.default_rng(seed)
    inbox, sequence, dead = PoolInbox(30.0, START - 120), 100, set()
    load = {name: int(rng.integers(6)) for name in "abc"}
    real, alive_until = {}, {}
    for at in range(-120, 600):
        for name in "abc":
            if name in dead:
                continue
            if rng.random() < 0.003 and at > -120:  # nobody knows of a sender that has never reported
                dead.add(name)  # killed or cut off: no final report, and its load may still run
                alive_until[name] = at
                continue
            if rng.random() < 0.05:
                load[name] = int(rng.integers(6))
            sequence += 1
            report = level(sequence, load[name], name)
            inbox.accept(report, START + at)
            if rng.random() < 0.1:
                inbox.accept(report, START + at)
        real.setdefault(at // 60, []).append(sum(load.values()))
        if rng.random() < 0.01 and dead:
            dead.discard(rng.choice(sorted(dead)))
    inbox.advance(START + 600)
    for minute, row in enumerate(rows(inbox, 10)):
        assert row is None or row[0] >= max(real[minute])


def test_a_sender_that_reports_every_60_s_is_silent_after_150_s():
    exports = [(at, level(at + 100, 2, every=60.0)) for at in (0, 60, 120)]
    inbox = PoolInbox(30.0, START - 600)
    for at, report in exports:
        inbox.accept(report, START + at)
    inbox.advance(START + 269)
    known = rows(inbox, 4)
    inbox.advance(START + 271)

    assert known[1:] == [(2.0, 2.0, 0.0)] * 3
    assert list(inbox.silent) == ["a"]
    assert rows(inbox, 4) == [known[0], known[1], None, None]


def test_a_shorter_interval_shortens_the_silence_at_once():
    inbox = PoolInbox(30.0, START - 600)
    inbox.accept(level(1, 2, every=60.0), START)
    inbox.accept(level(2, 2, every=5.0), START + 5)
    inbox.advance(START + 36)

    assert list(inbox.silent) == ["a"]


def killed(upto, *, in_flight=5, new_at=None, final_at=None):
    """Names of silent senders `upto` seconds after `b` was killed at 0 s, while `a` reports. `new_at`: a new sender begins.
    `final_at`: another sender stops with a final report.
    """
    inbox = PoolInbox(30.0, START - 4000)
    inbox.accept(level(1, in_flight, "b"), START)
    for at in range(-3900, upto + 1, 10):
        inbox.accept(level(10_000 + at, 1), START + at)
        if at == 0:
            inbox.accept(level(2, in_flight, "b"), START)
        if new_at is not None and at >= new_at:
            inbox.accept(level(10_000 + at, 1, "c"), START + at)
        if final_at is not None and at <= final_at:
            inbox.accept(level(10_000 + at, 0, "d", final=at == final_at), START + at)
    return list(inbox.silent)


def test_a_killed_sender_is_unknown_for_an_hour():
    assert killed(3590) == ["b"]
    assert killed(3610) == []


def test_a_killed_sender_that_was_idle_has_ended_after_10_min():
    assert killed(590, in_flight=0) == ["b"]
    assert killed(610, in_flight=0) == []


@pytest.mark.parametrize("new_at", [-300, 120])
def test_a_killed_sender_has_ended_after_10_min_if_a_new_one_took_its_place(new_at):
    assert killed(590, new_at=new_at) == ["b"]
    assert killed(610, new_at=new_at) == []


def test_a_new_sender_takes_no_place_that_became_free_much_later():
    assert killed(700, new_at=-700) == ["b"]


def test_a_new_sender_takes_one_place_only():
    assert killed(700, new_at=-100, final_at=-50) == ["b"]


def test_senders_that_report_at_the_start_of_the_daemon_take_no_place():
    inbox = PoolInbox(30.0, START - 20)
    for at in range(-20, 800, 10):
        inbox.accept(level(10_000 + at, 1), START + at)
        if at <= 0:
            inbox.accept(level(10_000 + at, 5, "b"), START + at)

    assert list(inbox.silent) == ["b"]
