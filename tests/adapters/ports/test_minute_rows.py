"""Arithmetic on metrics by the minute."""

import numpy as np
import pytest

from adapters.ports.minute_rows import ENOUGH, SILENCE, STEADY, edges, filled, mean_by_requests, sudden

NAN = np.nan


def test_the_mean_duration_is_by_requests():
    assert mean_by_requests(np.array([1000, 2000, NAN]), np.array([10, 30, NAN])) == 1750
    assert mean_by_requests(np.array([NAN, 5.0, 5.0]), np.array([1, 0, NAN])) is None


def test_an_unknown_duration_is_the_last_known_one_or_else_the_first_or_else_the_usual():
    assert filled(np.array([NAN, 3, NAN, NAN, 5, NAN]), 9.0).tolist() == [3, 3, 3, 3, 5, 5]
    assert filled(np.array([NAN, NAN]), 9.0).tolist() == [9, 9]
    assert np.isnan(filled(np.array([NAN]), None)).all()


def minutes(text):
    """`x`: a point; `.`: none, and telemetry was alive; `?`: none, and unknown why. As there and silent."""
    return np.array([each == "x" for each in text]), np.array([each == "." for each in text])


def doubted(text):
    return "".join("!" if each else was for each, was in zip(sudden(*minutes(text)), text, strict=True))


@pytest.mark.parametrize("length", [1, 3, 9, 14, SILENCE])
def test_a_short_silence_of_who_was_never_silent_is_sudden(length):
    busy = "x" * STEADY

    assert doubted(busy + "." * length + "x") == busy + "!" * length + "x"
    assert doubted(busy + "." * length) == busy + "!" * length, "it may go on"
    assert doubted(busy + "?" + "." * (length - 1) + "x") == busy + "!" * length + "x"


def test_a_long_silence_is_believed_from_its_first_minute():
    text = "x" * STEADY + "." * (SILENCE + 1)

    assert doubted(text) == text
    assert doubted(text + "x") == text + "x"


def test_unknown_minutes_do_not_make_a_silence_long():
    text = "x" * STEADY + "?" * 40

    assert doubted(text + "." * SILENCE + "x") == "x" * STEADY + "!" * (40 + SILENCE) + "x"
    assert doubted(text + "." * (SILENCE + 1)) == text + "." * (SILENCE + 1)


def test_who_was_silent_within_the_hour_may_be_silent_again():
    text = "x" * STEADY + "." * 20 + "x" * 40 + "..x"

    assert doubted(text) == text
    assert doubted("x" * STEADY + "." * 20 + "x" * STEADY + "..") == "x" * STEADY + "." * 20 + "x" * STEADY + "!!"


def test_an_unknown_minute_and_a_doubted_one_are_no_silence():
    busy = "x" * STEADY

    assert doubted(busy + "???xx..x.") == busy + "!!!xx!!x!"


def test_nobody_is_steady_who_was_seen_for_less_than_half_an_hour():
    assert doubted("x" * (ENOUGH - 1) + ".") == "x" * (ENOUGH - 1) + "."
    assert doubted("x" * ENOUGH + ".") == "x" * ENOUGH + "!"
    assert not sudden(*minutes("....")).any()
    assert not sudden(*minutes("")).any()


def bounded(text):
    """`x`: a point, `.`: alive without one, `?`: not alive."""
    there, silent = minutes(text)
    return "".join("e" if each else was for each, was in zip(edges(there, there | silent), text, strict=True))


def test_an_outage_takes_the_minutes_at_its_edges_along():
    busy = "x" * ENOUGH

    assert bounded(busy + "x???x.x") == busy + "e???e.x"
    assert bounded(busy + "." + "?" * 40) == busy + "e" + "?" * 40


def test_what_is_not_published_yet_or_was_always_sparse_has_no_edge():
    busy = "x" * ENOUGH

    for text in (busy + "???", "x???x", "???x", "." * STEADY + "x???x"):
        assert bounded(text) == text
