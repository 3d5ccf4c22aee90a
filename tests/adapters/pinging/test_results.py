"""Number of units that responses prove, compared with the known number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.pinging.results import PingResult, all_held_seconds, all_overlapped, distinct, pinged_units, survivors

moments = st.floats(0.0, 10.0, allow_nan=False)
spans = st.floats(0.001, 3.0, allow_nan=False)


@st.composite
def served(draw):
    """Draw pings to units that serve one at a time: each as (unit, sent, started, ended, answered, cold)."""
    pings = []
    for unit in range(draw(st.integers(1, 6))):
        now, cold = 0.0, draw(st.booleans())
        for _ in range(draw(st.integers(1, 4))):
            started = now + draw(moments)
            ended = started + draw(spans)
            pings.append((unit, started - draw(spans), started, ended, ended + draw(spans), cold))
            now, cold = ended, False
    return pings


@given(served(), st.booleans())
def test_no_more_units_are_proved_than_there_were(pings, named):
    answers = [PingResult(sent, answered, ended - started, cold, unit=str(unit) if named else None)
               for unit, sent, started, ended, answered, cold in pings]

    assert 1 <= distinct(answers) <= len({unit for unit, *_ in pings})


@given(st.integers(1, 60), spans)
def test_pings_that_are_held_together_each_prove_a_unit(count, hold):
    answers = [PingResult(sent := 0.3 * hold * at / count, sent + hold + 0.2 * hold, hold, cold=False) for at in range(count)]

    assert distinct(answers) == count


def test_pings_one_after_the_other_prove_one_unit():
    assert distinct([PingResult(at, at + 0.1, 0.08, cold=False) for at in range(20)]) == 1


def test_a_latency_above_the_hold_time_proves_no_other_unit():
    assert distinct([PingResult(0.0, 0.5, 0.075, cold=False) for _ in range(20)]) == 1


def test_unit_names_count_without_overlap():
    assert distinct([PingResult(at, at + 0.1, 0.08, cold=False, unit=f"unit {at % 3}") for at in range(20)]) == 3


def test_units_with_names_that_serve_several_requests_at_once_are_not_counted_by_overlap():
    answers = [PingResult(0.0, 0.2, 0.15, cold=False, unit=f"unit {at % 2}") for at in range(20)]

    assert distinct(answers) == 2
    assert all_overlapped(answers), "a longer hold would reach no other unit"
    assert pinged_units(answers, below=2) == 0


def test_a_cold_unit_is_different_from_those_that_answered_before():
    quick = PingResult(0.0, 0.12, 0.08, cold=False)

    assert distinct([PingResult(0.0, 8.2, 8.1, cold=True), quick]) == 2
    assert distinct([PingResult(0.5, 8.7, 8.1, cold=True), quick]) == 2
    assert distinct([PingResult(0.0, 8.2, 8.1, cold=True), PingResult(8.3, 8.4, 0.08,
                                                                      cold=False)]) == 1, "it may have served both"


def test_no_answer_proves_nothing():
    assert distinct([]) == 0


def burst(warm: int, cold: int = 0, named: bool = True) -> list[PingResult]:
    """Return responses held at the same time. Warm units are named from `unit 0` on, cold ones after them."""
    return [PingResult(0.0, 0.12 + 8.0 * (at >= warm), 0.1 + 8.0 * (at >= warm), at >= warm, f"unit {at}" if named else None)
            for at in range(warm + cold)]


def canary(cold: bool = False, named: bool = True) -> PingResult:
    """Return the response of `unit 0` before the burst."""
    return PingResult(-10.0, -9.8, 0.1, cold, "unit 0" if named else None)


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(("first_cold", "warm", "cold", "alive", "gone"), [
    (False, 3, 0, 3, 0),
    (False, 2, 1, 2, 1),
    (True, 1, 2, 0, 3),
    (True, 3, 0, 2, 1),
])
def test_a_unit_started_for_the_canary_is_not_a_survivor(named, first_cold, warm, cold, alive, gone):
    assert survivors(canary(first_cold, named), burst(warm, cold, named), 3) == (alive, gone)


def test_a_single_expired_unit_does_not_count_as_alive_after_its_restart():
    assert survivors(canary(cold=True), burst(1), 1) == (0, 1)
    assert survivors(canary(), burst(1), 1) == (1, 0)
    assert survivors(canary(), [], 1) == (1, 0), "the burst was throttled; the canary was not"


@given(served(), st.booleans(), st.integers(0, 8))
def test_no_more_survive_than_were_held_or_are_there(pings, named, held):
    first, *others = [PingResult(sent, answered, ended - started, cold, unit=str(unit) if named else None)
                      for unit, sent, started, ended, answered, cold in pings]
    alive, gone = survivors(first, others, held)

    assert 0 <= alive <= len({unit for unit, *_, cold in pings if not cold})
    assert 0 <= gone <= held - alive


def of_layers(below, above, unknown=0, names=True):
    """Return overlapping answers of units of the layer below, of units above it, and of units that do not report their layer."""
    kinds = [True] * below + [False] * above + [None] * unknown
    return [PingResult(0.0, 0.2, 0.15, cold=False, unit=f"unit {at}" if names else None, below=kind)
            for at, kind in enumerate(kinds)]


@pytest.mark.parametrize("names", [True, False])
def test_units_of_the_layer_below_prove_nothing(names):
    assert pinged_units(of_layers(3, 4, names=names), below=3) == 4
    assert pinged_units(of_layers(5, 4, names=names), below=3) == 4, "the layer has grown since"
    assert pinged_units(of_layers(7, 0, names=names), below=3) == 0


@pytest.mark.parametrize("names", [True, False])
def test_of_units_that_do_not_report_their_layer_as_many_as_it_has_prove_nothing(names):
    assert pinged_units(of_layers(0, 0, unknown=7, names=names), below=3) == 4
    assert pinged_units(of_layers(0, 0, unknown=2, names=names), below=3) == 0
    assert pinged_units(of_layers(1, 2, unknown=4, names=names), below=3) == 4, "two of the four may be the other two below"


@given(st.integers(0, 6), st.integers(0, 6), st.data())
def test_no_more_pinged_units_are_proved_than_answered(below, above, data):
    answers = of_layers(below, above)
    hidden = [data.draw(st.booleans()) for _ in answers]
    mixed = [PingResult(0.0, 0.2, 0.15, cold=False, unit=each.unit, below=None if hide else each.below)
             for each, hide in zip(answers, hidden, strict=True)]

    assert pinged_units(mixed, below) <= above


def test_a_canary_of_the_layer_below_says_nothing_about_survivors():
    assert survivors(None, of_layers(0, 3), 4) == (3, 0)


def held(*spans, cold=()):
    """Return answers to pings that were held from the first to the second of each span, after 0.1 s on the way there and back."""
    return [PingResult(since - 0.1, until + 0.1, until - since, at in cold) for at, (since, until) in enumerate(spans)]


def test_all_units_are_held_from_the_last_beginning_to_the_first_end():
    assert all_held_seconds(held((0, 1), (0.4, 1.4), (0.6, 1.6)), 3) == pytest.approx(0.4)
    assert all_held_seconds(held((0, 1), (0.4, 1.4), (0.6, 1.6)), 2) == pytest.approx(1.0)
    assert all_held_seconds(held((0, 1), (0.4, 1.4)), 3) == 0, "one stays free"
    assert all_held_seconds(held((0, 1), (1.2, 2)), 2) == 0
    assert all_held_seconds([], 1) == 0


def test_a_ping_that_started_a_unit_shows_that_the_others_were_all():
    assert all_held_seconds(held((0, 1), (0.4, 1.4), (0.5, 8.5), cold={2}), 3) == pytest.approx(0.6)
    assert all_held_seconds(held((0, 8), (0, 8), cold={0, 1}), 2) == 0, "there was no unit to hold"


def test_pings_of_which_one_followed_another_did_not_all_overlap():
    names = ["a", "b", "a"]
    answers = [PingResult(0.1 * at, 0.1 * at + 0.06, 0.05, cold=False, unit=name) for at, name in enumerate(names)]

    assert not all_overlapped(answers)
    assert all_overlapped(answers[:2])
