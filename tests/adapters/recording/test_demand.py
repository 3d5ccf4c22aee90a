"""Recordings are imported as one demand series or rejected: order, duplicates, periods, gaps and numbers."""

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.recording.demand import Imported, imported
from adapters.recording.table import NotImportable
from forecasting.demand import minute_of
from tests.builders import NOON
from tests.examples import examples

HEAD = "timestamp,invocations,avg_concurrency,max_concurrency\n"


def stamp(minute: float, rest: str = "1,1,1") -> str:
    """Return a row at `minute` minutes after noon."""
    seconds = round(minute * 60)
    return f"2026-03-02T{12 + seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}Z,{rest}\n"


def read(text: str | dict[str, str], columns: dict[str, str] | None = None, timezone: str | None = None,
         step: int | None = None) -> Imported:
    return imported({"f.csv": text} if isinstance(text, str) else text, columns or {}, timezone, step)


def refusal(text: str | dict[str, str], **more: object) -> str:
    with pytest.raises(NotImportable) as caught:
        read(text, **more)
    message = str(caught.value)
    assert "\n" not in message
    return message


def notes(found: Imported) -> str:
    return "\n".join(line for _, lines in found.notes for line in lines)


def plain(values: np.ndarray) -> list[float | None]:
    """Return the values, None where unknown."""
    return [None if math.isnan(value) else round(value, 4) for value in values.tolist()]


def test_rows_are_sorted_and_minutes_between_them_are_unknown():
    found = read(HEAD + stamp(3, "30,1.5,3") + stamp(0, "10,0.5,1") + stamp(1, "20,1,2"))

    assert found.series.first_minute == minute_of(NOON)
    assert plain(found.series.invocations) == [10, 20, None, 30]
    assert plain(found.series.peak) == [1, 2, None, 3]
    assert "rows are not in order of time (2 follow a later one): sorted" in notes(found)


def test_a_note_reports_the_newest_row_first():
    assert "the newest row is first: reversed" in notes(read(HEAD + stamp(2) + stamp(1) + stamp(0)))


def test_rows_of_one_time_are_merged_when_equal_and_rejected_when_different():
    found = read(HEAD + stamp(0, "10,,") + stamp(0, "10,0.5,1") + stamp(0, "10,0.5,1"))

    assert plain(found.series.busy) == [0.5]
    assert "2 rows with the same time as another row and no different value: merged" in notes(found)
    assert refusal(HEAD + stamp(0) + stamp(1) + stamp(0, "1,1,2")).startswith(
        "f.csv:4: max_concurrency is 2 here and 1 in f.csv:2, at the same time; keep one")


def test_longer_periods_divide_requests_repeat_concurrency_and_add_a_note():
    found = read(HEAD + stamp(0, "30,3.00,4") + stamp(5, "30,3.04,5") + stamp(10, "31,3.09,5"))

    assert plain(found.series.invocations) == [6] * 10 + [6.2] * 5
    assert plain(found.series.peak) == [4] * 5 + [5] * 10
    assert plain(found.series.busy) == [3] * 5 + [3.04] * 5 + [3.09] * 5
    assert "periods of 5 min: requests are divided by 5, averages and maxima are repeated. The minutes within a" in notes(found)


def test_a_period_that_is_missing_stays_unknown():
    found = read(HEAD + stamp(0) + stamp(5) + stamp(15) + stamp(20))

    assert [value is None for value in plain(found.series.peak)] == [False] * 10 + [True] * 5 + [False] * 10


def test_shorter_periods_are_summed_and_a_minute_with_missing_ones_is_unknown():
    rows = [stamp(quarter / 4, f"1,{quarter % 4},{quarter % 4}") for quarter in range(12) if quarter != 6]
    found = read(HEAD + "".join(rows))

    assert plain(found.series.invocations) == [4, None, 4]
    assert plain(found.series.busy) == [1.5, None, 1.5]
    assert plain(found.series.peak) == [3, None, 3]
    assert "1 minute with missing periods: unknown" in notes(found)


def test_times_with_jitter_count_for_their_minute():
    found = read(HEAD + "".join(stamp(minute + minute * 7 % 5 / 60) for minute in range(10)))

    assert plain(found.series.peak) == [1] * 10
    assert "times are not at second 0: each counts for the minute that contains it" in notes(found)


SPARSE = "".join(stamp(minute) for minute in (*range(0, 100, 5), *range(100, 110)))


def test_mixed_distances_of_one_and_five_minutes_require_a_step():
    assert refusal(HEAD + SPARSE).startswith("f.csv:2: from here on 21 times are 5 min apart, others 1 min: set --step 1m if")
    assert plain(read(HEAD + SPARSE, step=60).series.peak)[:6] == [1, None, None, None, None, 1]
    assert "f.csv:23: this is not a multiple of 5 min after the first time" in refusal(HEAD + SPARSE, step=300)


@pytest.mark.parametrize("minutes", [(0, 2), (0, 4, 10), (0, 10, 40, 60, 100)])
def test_too_few_times_require_a_step(minutes):
    rows, apart = "".join(stamp(minute) for minute in minutes), 10 if 40 in minutes else 2
    says = (f"f.csv:2: times are {apart} min or a multiple of it apart: set --step {apart}m if each row covers "
            f"{apart} min, or --step 1m if the other minutes are unknown")

    assert refusal(HEAD + rows) == says
    assert int(read(HEAD + rows, step=60).series.known.sum()) == len(minutes)
    assert int(read(HEAD + rows, step=60 * apart).series.known.sum()) == len(minutes) * apart


def test_irregular_minutes_without_a_point_are_gaps():
    found = read(HEAD + "".join(stamp(minute) for minute in (0, 1, 3, 6, 7, 12, 20)))

    assert np.flatnonzero(found.series.known).tolist() == [0, 1, 3, 6, 7, 12, 20]


def test_a_given_step_makes_minutes_between_rows_unknown():
    assert plain(read(HEAD + stamp(0) + stamp(5), step=60).series.peak) == [1, None, None, None, None, 1]


@pytest.mark.parametrize(("rows", "says"), [
    (stamp(0) + stamp(1.5) + stamp(3), "f.csv: times are 90 s apart, neither a whole number of minutes"),
    (stamp(0) + stamp(120) + stamp(240), "f.csv: times are 2 h apart; import periods of at most 1 h"),
    ("1990-01-01T00:00:00Z,1,1,1\n" + stamp(0), "f.csv:2: times are from 1990-01-01 to 2026-03-02, more than 6 years"),
    (stamp(0, "-1,1,1"), "f.csv:2: invocations is -1; it cannot be below 0"),
    (stamp(0, "1e10,1,1"), "write a number up to 1e+09"),
    (stamp(0, "1.2 K,1,1"), "f.csv:2: invocations is '1.2 K'; write a plain number without a unit"),
    (stamp(0, "1_0,1,1"), "is '1_0'; write a plain number"), (stamp(0, "inf,1,1"), "is 'inf'; write a plain number"),
    (stamp(0, '"1,234",1,1'), "is '1,234', which can be 1234 or 1.234; write it without the comma"),
    (stamp(0, '"1,5","1,234,567",1'), "some numbers have a decimal comma and some a thousands comma"),
    (stamp(0, '"1,5",3.5,1'), "avg_concurrency is '3.5', while other numbers have a decimal comma"),
])
def test_invalid_rows_are_rejected_with_their_line(rows, says):
    assert says in refusal(HEAD + rows)


@pytest.mark.parametrize(("cells", "requests"), [
    ('"1,234,567",1,1', 1_234_567), ('"0,5",1,1', 0.5), ('"1.234,5",1,1', 1234.5), ("1.234,1,1", 1.234), ("1e3,1,1", 1000),
    (" 7 ,1,1", 7),
    ("NaN,1,1", None), ("null,1,1", None), ("-,1,1", None), ("N/A,1,1", None), ('"",1,1', None), ("-0.0,1,1", 0),
])
def test_numbers_are_read_in_common_notations(cells, requests):
    assert plain(read(HEAD + stamp(0, cells)).series.invocations) == [requests]


def test_a_dot_separates_thousands_if_another_number_has_a_decimal_comma():
    found = read("Zeit;invocations;avg_concurrency;max_concurrency\n02.03.2026 13:00;1.234;3,5;4\n", timezone="Europe/Berlin")

    assert (plain(found.series.invocations), plain(found.series.busy), found.series.first_minute) == ([1234], [3.5],
                                                                                                      minute_of(NOON))


def test_a_file_with_ambiguous_times_only_is_rejected():
    text = "time,invocations\n2026-10-25 02:30:00,1\n"

    assert "all of its times occur twice at a clock change" in refusal(text, timezone="Europe/Prague")


def test_files_are_joined_and_must_agree():
    first, second = HEAD + stamp(0) + stamp(1), HEAD + stamp(1) + stamp(2, "9,1,1")

    assert plain(read({"a.csv": first, "b.csv": second}).series.invocations) == [1, 1, 9]
    assert refusal({"a.csv": first, "b.csv": HEAD + stamp(1, "5,1,1")}) == (
        "b.csv:2: invocations at 2026-03-02T12:01Z is 5 here and 1 elsewhere; import files that agree")


def test_a_missing_average_is_computed_from_requests_and_duration():
    found = read("time,Invocations,Duration Average,ConcurrentExecutions Maximum\n2026-03-02T12:00:00Z,60,2000,3\n"
                 "2026-03-02T12:01:00Z,600,2000,3\n2026-03-02T12:02:00Z,0,,0\n")

    assert plain(found.series.busy) == [2, 3, 0]
    assert "avg_concurrency is computed: requests × their average duration, at most the maximum" in notes(found)


def test_columns_without_values_are_named():
    assert read("time,Invocations\n2026-03-02T12:00:00Z,60\n").missing == ("avg_concurrency", "max_concurrency")


@examples(60)
@given(st.lists(st.tuples(st.integers(0, 600), st.integers(0, 500), st.integers(0, 20)), min_size=2, max_size=60,
                unique_by=lambda row: row[0]), st.integers(0, 2**32), st.sampled_from([",", ";", "\t"]))
def test_a_shuffled_export_with_duplicates_equals_the_sorted_one(rows, seed, delimiter):
    random = Random(seed)  # noqa: S311
    lines = [stamp(minute, f"{requests},{peak / 2},{peak}").replace(",", delimiter) for minute, requests, peak in sorted(rows)]
    head = HEAD.replace(",", delimiter)
    mixed = [*lines, *random.choices(lines, k=3)]
    random.shuffle(mixed)
    right, found = read(head + "".join(lines), step=60).series, read(head + "".join(mixed), step=60).series

    assert (found.first_minute, plain(found.invocations), plain(found.peak), plain(found.busy)) == (
        right.first_minute, plain(right.invocations), plain(right.peak), plain(right.busy))
    assert {minute: requests for minute, requests, _ in rows} == {
        row + right.first_minute - minute_of(NOON): value for row,
        value in enumerate(plain(right.invocations)) if value is not None}
