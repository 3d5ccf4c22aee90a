"""History files: accepted forms, and errors with line and remedy."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.demand import history_file
from adapters.demand.history_file import HistoryError, open_history, read_history, write_history
from adapters.demand.history_times import StampStyle
from forecasting.demand import DemandSeries, minute_of
from tests.builders import NOON

HEADER = "timestamp,invocations,avg_concurrency,max_concurrency"
TRACES = Path(__file__).resolve().parents[4] / "shared" / "traces"
GOOD = ["2026-03-02T12:00:00Z,60,1.5,3", "2026-03-02T12:01:00Z,0,0,0", "2026-03-02T12:02:00Z,12,0.25,1"]


def written(folder: Path, rows: list[str], header: str = HEADER, name: str = "h.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(HistoryError) as caught:
        read_history(path)
    message = str(caught.value)
    assert "\n" not in message
    return message.removeprefix(f"{path}:")


def test_rows_become_minutes(tmp_path):
    series = read_history(written(tmp_path, GOOD))
    assert series.first_minute == minute_of(NOON)
    assert series.peak.tolist() == [3, 0, 1]
    assert series.busy.tolist() == [1.5, 0, 0.25]
    assert series.invocations.tolist() == [60, 0, 12]
    assert series.peak.dtype == np.float32


def test_an_empty_cell_is_unknown_not_zero(tmp_path):
    series = read_history(written(tmp_path, [GOOD[0], "2026-03-02T12:01:00Z,,,", GOOD[2]]))
    assert series.known.tolist() == [True, False, True]
    assert np.isnan(series.busy[1])
    assert np.isnan(series.invocations[1])


def test_requests_without_a_maximum_are_only_requests(tmp_path):
    series = read_history(written(tmp_path, [GOOD[0], "2026-03-02T12:01:00Z,7,,", GOOD[2]]))
    assert series.known.tolist() == [True, False, True]
    assert series.invocations[1] == 7


def test_a_compressed_file_is_read_with_any_name(tmp_path):
    plain = written(tmp_path, GOOD)
    packed = tmp_path / "h.data"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read_history(packed).peak.tolist() == read_history(plain).peak.tolist()


def test_columns_may_have_any_order_and_others_are_ignored(tmp_path):
    path = written(tmp_path, ["x,3,2026-03-02T12:00:00Z,60,1.5,900"],
                   "note,max_concurrency,timestamp,invocations,avg_concurrency,avg_duration_ms")
    series = read_history(path)
    assert (series.peak[0], series.busy[0], series.invocations[0]) == (3, 1.5, 60)


def test_byte_order_marks_crlf_and_blank_lines_are_accepted(tmp_path):
    path = tmp_path / "h.csv"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([HEADER, *GOOD, "", ""]).encode())
    assert len(read_history(path)) == 3


def test_an_average_above_the_maximum_is_lowered_to_it(tmp_path):
    assert read_history(written(tmp_path, ["2026-03-02T12:00:00Z,60,3.2,3"])).busy.tolist() == [3]


def test_minus_zero_is_zero(tmp_path):
    series = read_history(written(tmp_path, ["2026-03-02T12:00:00Z,0,-0.0,0"]))
    assert not np.signbit(series.busy[0])


@pytest.mark.parametrize(("first", "second"), [
    ("2026-03-02T12:00:00Z", "2026-03-02T12:01:00Z"),
    ("2026-03-02 12:00:00+00:00", "2026-03-02 12:01:00+00:00"),
    ("2026-03-02T12:00Z", "2026-03-02T12:01Z"),
    ("2026-03-02T12:00:00.000Z", "2026-03-02T12:01:00.000Z"),
    ("2026-03-02T12:00:00Z", "2026-03-02 12:01:00+00:00"),
])
def test_utc_may_be_written_in_several_ways(tmp_path, first, second):
    series = read_history(written(tmp_path, [f"{first},1,1,1", f"{second},1,1,1"]))
    assert (series.first_minute, len(series)) == (minute_of(NOON), 2)


@given(between=st.sampled_from("T "), seconds=st.sampled_from(["", ":00", ":00.000"]), zone=st.sampled_from(["Z", "+00:00"]),
       first=st.integers(0, 80_000_000))
def test_derived_files_have_the_timestamp_form_of_the_source(tmp_path_factory, between, seconds, zone, first):
    stamps = StampStyle(between, seconds, zone).write(first, 2)
    path = written(tmp_path_factory.mktemp("h"), [f"{stamp},1,1,1" for stamp in stamps])
    history = open_history(path)
    assert history.series.first_minute == first
    assert history.style.write(first, 2) == stamps


@pytest.mark.parametrize(("rows", "says"), [
    (["2026-03-02T12:00:00Z,1,1,1", "2026-03-02T12:05:00Z,1,1,1"], "3: 4 minutes are missing before 2026-03-02T12:05:00Z; add"),
    (["2026-03-02T12:00:00Z,1,1,1", "2026-03-02T12:00:00Z,1,1,1"], "3: 2026-03-02T12:00:00Z appears twice; keep one"),
    (["2026-03-02T12:05:00Z,1,1,1", "2026-03-02T12:00:00Z,1,1,1"], "3: 2026-03-02T12:00:00Z is earlier than the row above"),
    (["2026-03-02T12:00:00Z,many,1,1"], "2: invocations is 'many'; write a number, or leave the cell empty"),
    (["2026-03-02T12:00:00Z,1,nan,1"], "2: avg_concurrency is 'nan'; write a number"),
    (["2026-03-02T12:00:00Z,1,1,inf"], "2: max_concurrency is 'inf'; write a number"),
    (["2026-03-02T12:00:00Z,1,1,1e300"], "2: max_concurrency is '1e300'; write a number up to 1e+09"),
    (["2026-03-02T12:00:00Z,1,1,1e30"], "2: max_concurrency is '1e30'; write a number up to 1e+09"),
    (["0001-01-01T00:00:00Z,1,1,1"], "2: '0001-01-01T00:00:00Z' is not within 1970 to 9998; correct the year"),
    (["9999-12-31T23:59:00Z,1,1,1"], "2: '9999-12-31T23:59:00Z' is not within 1970 to 9998; correct the year"),
    (["2026-03-02T12:00:00Z,1_0,1,1"], "2: invocations is '1_0'; write a number"),
    ([*GOOD, "2026-03-02T12:03:00Z,1,1,-1"], "5: max_concurrency is '-1'; it must be at least 0"),
    (["2026-03-02T12:00:00Z,1,1"], "2: 3 cells, the header has 4"),
    (["2026-03-02T12:00:00,1,1,1"], "2: '2026-03-02T12:00:00' has no time zone; convert it to UTC"),
    (["2026-03-02T12:00:00+02:00,1,1,1"], "2: '2026-03-02T12:00:00+02:00' has the time zone +02:00; convert it to UTC"),
    (["2026-03-02T12:00:30Z,1,1,1"], "2: '2026-03-02T12:00:30Z' is not the start of a minute"),
    (["2026-02-30T12:00:00Z,1,1,1"], "2: '2026-02-30T12:00:00Z' is not a timestamp"),
    (["1772452800,1,1,1"], "2: '1772452800' is not a timestamp; write 2026-03-02T12:00:00Z"),
    (['"2026-03-02T12:00:00Z,1,1,1'], "2: not readable as CSV"),
    ([], "1: no rows"),
])
def test_errors_name_the_line(tmp_path, rows, says):
    assert refusal(written(tmp_path, rows)).startswith(says)


def test_line_numbers_match_an_editor(tmp_path):
    assert refusal(written(tmp_path, ["", GOOD[0], "", "2026-03-02T12:01:00Z,x,1,1"])).startswith("5: invocations is 'x'")


@pytest.mark.parametrize(("header", "says"), [
    ("timestamp,invocations,max_concurrency", "1: column avg_concurrency is missing; the header must be"),
    (HEADER + ",invocations", "1: column invocations is repeated"),
])
def test_a_wrong_header_is_refused(tmp_path, header, says):
    assert refusal(written(tmp_path, GOOD, header)).startswith(says)


def test_an_empty_file_is_refused(tmp_path):
    path = tmp_path / "h.csv"
    path.write_text("")
    assert refusal(path).startswith("1: column timestamp is missing")


def test_a_damaged_file_differs_from_a_missing_one(tmp_path):
    torn = tmp_path / "torn.csv.gz"
    torn.write_bytes(gzip.compress(b"x" * 10_000)[:-9])
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"timestamp\n\xff\xfe\x00")
    assert "damaged gzip" in refusal(torn)
    assert refusal(binary).startswith("2: not UTF-8 text")
    assert "the file does not exist" in refusal(tmp_path / "none.csv")
    assert "cannot be read" in refusal(tmp_path)


def test_a_file_that_is_too_large_is_refused_without_complete_decompression(tmp_path, monkeypatch):
    monkeypatch.setattr(history_file, "MOST_BYTES", 2**20)
    bomb = tmp_path / "bomb.csv.gz"
    bomb.write_bytes(gzip.compress(b"0" * 2**24))
    assert "MB unpacked; remove rows" in refusal(bomb)


@pytest.mark.skipif(not TRACES.exists(), reason="the shared traces are not on this machine")
def test_every_shared_trace_reads():
    for path in sorted(TRACES.glob("*.csv.gz")):
        series = read_history(path)
        known = series.known
        assert known.sum() > 5000
        assert (series.busy[known] <= series.peak[known]).all()


odd = ["", "0", "1.5", "-1", "nan", "1_0", '"', "2026-03-02T12:00Z", "9999-12-31T23:59Z", "0001-01-01T00:00Z"]
cell = st.one_of(st.sampled_from(odd), st.text(max_size=6))


@given(st.lists(st.lists(cell, min_size=3, max_size=5), max_size=4), st.binary(max_size=40))
def test_any_file_is_read_or_refused_in_one_line(tmp_path_factory, rows, rest):
    path = tmp_path_factory.mktemp("h") / "h.csv"
    text = "\n".join([HEADER, *(",".join(row) for row in rows)]).encode("utf-8", "surrogatepass")
    for content in (text, text + rest, rest):
        path.write_bytes(content)
        complaint = ""
        try:
            series = read_history(path)
        except HistoryError as error:
            complaint = str(error)
            series = None
        assert len(complaint.splitlines()) == (series is None)
        assert series is None or not (series.busy > series.peak).any()


amounts = st.none() | st.floats(0, 1e9, width=32)


@given(st.lists(st.tuples(amounts, st.floats(0, 1)), min_size=1, max_size=8), st.sampled_from(["h.csv", "h.csv.gz"]))
def test_a_written_history_is_read_unchanged(tmp_path_factory, rows, name):
    peak = np.array([np.nan if amount is None else amount for amount, _ in rows], np.float32)
    busy = (peak * np.array([share for _, share in rows], np.float32)).astype(np.float32)
    path = tmp_path_factory.mktemp("h") / name
    write_history(path, DemandSeries(minute_of(NOON), peak, np.minimum(busy, peak), peak))
    again = read_history(path)

    assert again.first_minute == minute_of(NOON)
    np.testing.assert_array_equal(again.peak, peak)
    np.testing.assert_array_equal(again.busy, np.minimum(busy, peak))
    np.testing.assert_array_equal(again.invocations, peak)
    assert [each.name for each in path.parent.iterdir()] == [name]
