"""A file to which another program appends."""

import os

import pytest

from adapters.demand import followed_file
from adapters.demand.followed_file import FollowedFile
from adapters.ports.errors import Malformed
from forecasting.demand import instant_of, minute_of
from tests.builders import NOON

START = minute_of(NOON)
HEAD = "timestamp,invocations,avg_concurrency,max_concurrency\n"


def row(minute, requests=6, busy=1.5, peak=2):
    return f"{instant_of(START + minute):%Y-%m-%dT%H:%M:%SZ},{requests},{busy},{peak}\n"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "agent.csv"


def read(file, minutes=5, end=60):
    file.update(START + end)
    return file.rows.window(START, START + minutes).invocations.tolist()


def test_only_new_lines_are_read(path):
    path.write_text(HEAD + row(0) + row(1))
    file = FollowedFile(path)
    assert read(file, 2) == [6, 6]
    lines = []
    file._add = lambda new, end: lines.append(new)
    with path.open("a") as opened:
        opened.write(row(2))
    file.update(START + 60)

    assert lines == [[row(2).strip().encode()]]


def test_a_last_line_without_a_line_break_is_read_when_it_is_complete(path):
    file, whole = FollowedFile(path), row(1, requests=4567)
    path.write_text(HEAD + row(0) + whole[:23])
    first = read(file, 2)
    with path.open("a") as opened:
        opened.write(whole[23:])

    assert first[0] == 6
    assert first[1] != first[1], "unknown"
    assert file.fault is None
    assert read(file, 2) == [6, 4567]


def test_missing_minutes_are_unknown_and_later_rows_replace_earlier_ones(path):
    path.write_text(HEAD + row(0) + row(2, requests=3) + row(0, requests=9))
    first, second, third = read(FollowedFile(path), 3)

    assert (first, third) == (9, 3)
    assert second != second, "unknown"


@pytest.mark.parametrize("rotate", ["replaced", "truncated", "rewritten with more"])
def test_after_a_rotation_the_file_is_read_from_its_start(path, rotate):
    path.write_text(HEAD + row(0) + row(1))
    file = FollowedFile(path)
    read(file)
    more = "".join(row(minute, requests=7) for minute in range(2, 9))
    new = HEAD + (more if rotate == "rewritten with more" else row(2, requests=1))
    if rotate == "replaced":
        path.rename(path.with_suffix(".1"))
    path.write_text(new)

    assert read(file, 3) == [6, 6, 7 if rotate == "rewritten with more" else 1]


def test_of_a_long_file_the_end_is_read(path, monkeypatch):
    monkeypatch.setattr(followed_file, "MOST_BYTES", 400)
    path.write_text(HEAD + "".join(row(minute) for minute in range(50)))
    file = FollowedFile(path)
    file.update(START + 60)

    assert file.fault is None
    assert 5 < file.rows.known.sum() < 15
    assert file.rows.end_minute == START + 50


@pytest.mark.parametrize("line", ["x,1,1,1\n", f"{row(1)[:20]},1\n", row(1, requests=-1), row(1, peak="nan"), row(1, busy="1_0"),
                                  row(1).replace("Z", "+02:00"), "\xff\xfe\n"])
def test_a_line_that_cannot_be_read_is_an_error_and_the_others_are_read(path, line):
    path.write_text(HEAD + row(0) + line + row(2), "latin-1")
    file = FollowedFile(path)
    first, second, third = read(file, 3)

    assert (first, third) == (6, 6)
    assert second != second, "unknown"
    assert str(path) in str(file.fault)
    assert "1 new lines" in str(file.fault)


@pytest.mark.parametrize("head", ["", "timestamp,invocations\n", HEAD.strip(), f"timestamp,{HEAD}"])
def test_a_file_without_the_header_is_refused(path, head):
    path.write_text(head)

    with pytest.raises(Malformed, match="header"):
        FollowedFile(path).update(START)


def test_a_named_pipe_is_refused_and_does_not_block(path):
    os.mkfifo(path)

    with pytest.raises(Malformed, match="regular"):
        FollowedFile(path).update(START)


def test_a_missing_file_is_named(path):
    with pytest.raises(Malformed, match=r"agent\.csv: the file does not exist"):
        FollowedFile(path).update(START)
