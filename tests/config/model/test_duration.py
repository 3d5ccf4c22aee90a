"""Durations are read and written in the notation of policy files."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from config.model.duration import Duration, format_duration, parse_duration

FIELD = TypeAdapter(Duration)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("5m", 300), ("10h", 36_000), ("2d", 172_800), ("1h30m", 5_400), ("1d2h3m4s", 93_784), ("90m", 5_400), ("0", 0),
     ("0s", 0)],
)
def test_a_duration_is_the_sum_of_its_parts(text, seconds):
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "5", "m", "5 m", "-5m", "1.5h", "5min", "30m1h", "5m5m", "٣m", "1w", "9999999d", "5m\n", "PT5M"],
)
def test_an_invalid_duration_is_rejected(text):
    with pytest.raises(ValueError, match="is not a span such as"):
        parse_duration(text)


@given(st.integers(0, 10**9))
def test_whole_seconds_are_preserved_by_a_round_trip(seconds):
    span = timedelta(seconds=seconds)

    assert parse_duration(format_duration(span)) == span
    assert FIELD.validate_python(FIELD.dump_python(span, mode="json")) == span


@pytest.mark.parametrize("span", [timedelta(seconds=-1), timedelta(microseconds=1), timedelta(seconds=1.5)])
def test_a_duration_that_cannot_be_formatted_is_rejected(span):
    with pytest.raises(ValueError, match="not a whole number of seconds"):
        format_duration(span)
    with pytest.raises(ValidationError, match="whole number of seconds"):
        FIELD.validate_python(span)


@pytest.mark.parametrize("value", [5, 5.0, True, False, 0.0, None, ["5m"]])
def test_a_number_without_a_unit_is_rejected(value):
    with pytest.raises(ValidationError, match="has no unit"):
        FIELD.validate_python(value)


def test_zero_needs_no_unit():
    assert FIELD.validate_python(0) == timedelta(0)


@given(st.text(max_size=12))
def test_any_text_is_a_duration_or_a_value_error(text):
    try:
        span = parse_duration(text)
    except ValueError:
        return
    assert span >= timedelta(0)
