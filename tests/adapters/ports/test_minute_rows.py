"""Functions on metrics by minute."""

import numpy as np
import pytest

from adapters.ports.minute_rows import ENOUGH, SILENCE, STEADY, edges, filled, mean_by_requests, sudden

NAN = np.nan


def test_the_mean_duration_is_by_requests():
    assert mean_by_requests(np.array([1000, 2000, NAN]), np.array([10, 30, NAN])) == 1750
    assert mean_by_requests(np.array([NAN, 5.0, 5.0]), np.array([1, 0, NAN])) is None


def test_an_unknown_duration_is_the_last_first_or_usual_one():
    assert filled(np.array([NAN, 3, NAN, NAN, 5, NAN]), 9.0).tolist() == [3, 3, 3, 3, 5, 5]
    assert filled(np.array([NAN, NAN]), 9.0).tolist() == [9, 9]
    assert np.isnan(filled(np.array([NAN]), None)).all()


def minutes(text):
    """Return the masks of points and of silence. `x`: a point; `.`: none, metrics published; `?`: none, unknown."""
    return np.array([each == "x" for each in text]), np.array([each == "." for each in text])


def doubted(text):
    return "".join("!" if each else was for each, was in zip(sudden(*minutes(text)), text, strict=True))


@pytest.mark.parametrize("length", [1, 3, 9, 14, SILENCE])
def test_a_short_silence_after_a_steady_hour_is_sudden(length):
    busy = "x" * STEADY

    assert doubted(busy + "." * length + "x") == busy + "!" * length + "x"
    assert doubted(busy + "." * length) == busy + "!" * length, "it may go on"
    assert doubted(busy + "?" + "." * (length - 1) + "x") == busy + "!" * length + "x"


def test_a_long_silence_is_idle_from_its_first_minute():
    text = "x" * STEADY + "." * (SILENCE + 1)

    assert doubted(text) == text
    assert doubted(text + "x") == text + "x"


def test_unknown_minutes_do_not_lengthen_a_silence():
    text = "x" * STEADY + "?" * 40

    assert doubted(text + "." * SILENCE + "x") == "x" * STEADY + "!" * (40 + SILENCE) + "x"
    assert doubted(text + "." * (SILENCE + 1)) == text + "." * (SILENCE + 1)


def test_a_silence_within_an_hour_of_another_is_not_sudden():
    text = "x" * STEADY + "." * 20 + "x" * 40 + "..x"

    assert doubted(text) == text
    assert doubted("x" * STEADY + "." * 20 + "x" * STEADY + "..") == "x" * STEADY + "." * 20 + "x" * STEADY + "!!"


def test_unknown_and_sudden_minutes_are_not_silent():
    busy = "x" * STEADY

    assert doubted(busy + "???xx..x.") == busy + "!!!xx!!x!"


def test_fewer_than_30_points_are_not_steady():
    assert doubted("x" * (ENOUGH - 1) + ".") == "x" * (ENOUGH - 1) + "."
    assert doubted("x" * ENOUGH + ".") == "x" * ENOUGH + "!"
    assert not sudden(*minutes("....")).any()
    assert not sudden(*minutes("")).any()


def bounded(text):
    """Return the edges, for `x`: a point, `.`: alive without one, `?`: not alive."""
    there, silent = minutes(text)
    return "".join("e" if each else was for each, was in zip(edges(there, there | silent), text, strict=True))


def test_the_minutes_at_the_edges_belong_to_an_outage():
    busy = "x" * ENOUGH

    assert bounded(busy + "x???x.x") == busy + "e???e.x"
    assert bounded(busy + "." + "?" * 40) == busy + "e" + "?" * 40


def test_unpublished_and_sparse_minutes_have_no_edges():
    busy = "x" * ENOUGH

    for text in (busy + "???", "x???x", "???x", "." * STEADY + "x???x"):
        assert bounded(text) == text
