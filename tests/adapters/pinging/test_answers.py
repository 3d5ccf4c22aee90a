"""How many units a set of answers proves, against units that are known."""

from hypothesis import given
from hypothesis import strategies as st

from adapters.pinging.answers import Answer, distinct

moments = st.floats(0.0, 10.0, allow_nan=False)
spans = st.floats(0.001, 3.0, allow_nan=False)


@st.composite
def served(draw):
    """Pings on units that serve one at a time: each as (unit, sent, begun, ended, answered, cold)."""
    pings = []
    for unit in range(draw(st.integers(1, 6))):
        now, cold = 0.0, draw(st.booleans())
        for _ in range(draw(st.integers(1, 4))):
            begun = now + draw(moments)
            ended = begun + draw(spans)
            pings.append((unit, begun - draw(spans), begun, ended, ended + draw(spans), cold))
            now, cold = ended, False
    return pings


@given(served(), st.booleans())
def test_no_more_units_are_proved_than_there_were(pings, named):
    answers = [Answer(sent, answered, ended - begun, cold, unit=str(unit) if named else None)
               for unit, sent, begun, ended, answered, cold in pings]

    assert 1 <= distinct(answers) <= len({unit for unit, *_ in pings})


@given(st.integers(1, 60), spans)
def test_pings_that_are_held_together_each_prove_a_unit(count, hold):
    answers = [Answer(sent := 0.3 * hold * at / count, sent + hold + 0.2 * hold, hold, cold=False) for at in range(count)]

    assert distinct(answers) == count


def test_pings_one_after_the_other_prove_one_unit():
    assert distinct([Answer(at, at + 0.1, 0.08, cold=False) for at in range(20)]) == 1


def test_a_way_longer_than_the_hold_proves_nothing_about_others():
    assert distinct([Answer(0.0, 0.5, 0.075, cold=False) for _ in range(20)]) == 1


def test_names_are_believed_where_nothing_overlaps():
    assert distinct([Answer(at, at + 0.1, 0.08, cold=False, unit=f"unit {at % 3}") for at in range(20)]) == 3


def test_a_unit_that_was_started_is_none_of_those_that_answered_before():
    quick = Answer(0.0, 0.12, 0.08, cold=False)

    assert distinct([Answer(0.0, 8.2, 8.1, cold=True), quick]) == 2
    assert distinct([Answer(0.5, 8.7, 8.1, cold=True), quick]) == 2
    assert distinct([Answer(0.0, 8.2, 8.1, cold=True), Answer(8.3, 8.4, 0.08, cold=False)]) == 1, "it may have served both"


def test_no_answer_proves_nothing():
    assert distinct([]) == 0
