"""Handover records: written and read back; another version or a damaged text is refused."""

import json
from datetime import timedelta

import pytest

from controller.decision.planning.overrides_in_force import Kind, Override
from controller.leadership.handover import (
    FORMAT,
    FallbackState,
    LastWrite,
    UnreadableHandover,
    overrides_text,
    read_handover,
)
from tests.builders import NOON

WRITE = LastWrite(5, None, NOON, 3)
FALLBACK = FallbackState(((NOON, 3), (NOON + timedelta(minutes=1), 1)), ((NOON, 2),), ((NOON - timedelta(minutes=1), 4),))
PIN = Override(Kind.PIN, NOON, "ana", "launch", 9)
TEXTS = {"intent/a": WRITE.text, "ahead/a": FALLBACK.text, "orders/b": overrides_text((PIN,))}


def test_records_are_read_back():
    handover = read_handover(TEXTS)

    assert handover.last_writes == {"a": WRITE}
    assert handover.fallback_states == {"a": FALLBACK}
    assert handover.overrides == {"b": (PIN,)}


@pytest.mark.parametrize("version", [FORMAT + 1, 0, None, "1"])
def test_a_record_of_an_unknown_version_is_refused_with_one_line(version):
    newer = json.dumps({"version": version, "record": json.loads(WRITE.text)["record"]})

    with pytest.raises(UnreadableHandover) as caught:
        read_handover(TEXTS | {"intent/c": newer})

    assert str(caught.value) == (f"the lease store's handover record intent/c has format version {version}, this Stoker reads "
                                 f"version {FORMAT}: run the release that wrote it, or delete the records when no daemon leads")


@pytest.mark.parametrize("key", TEXTS)
@pytest.mark.parametrize("text", ["", "{", "[]", "7", "{}", '{"version": 1}', '{"version": 1, "record": {"target": 1}}',
                                  '{"version": 1, "record": 7}'])
def test_a_damaged_record_is_refused(key, text):
    with pytest.raises(UnreadableHandover, match=f"{key} is damaged"):
        read_handover(TEXTS | {key: text})


def test_a_record_of_an_unknown_kind_is_ignored_if_its_version_is_known():
    assert read_handover(TEXTS | {"later/a": '{"version": 1, "record": 7}'}) == read_handover(TEXTS)
