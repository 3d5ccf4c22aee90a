"""docs/operations.md and docs/http.md tell every reason, every log event, every path and every metric."""

import inspect
import re
from pathlib import Path

import pytest

from config.model.notify import NOTICE_CODES
from controller.decision.planning.reason_codes import ReasonCode
from controller.http import app, status_entries
from controller.metrics.catalogue import FAMILIES

ROOT = Path(__file__).parents[3]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
METRICS = (ROOT / "docs" / "metrics.md").read_text()
HTTP = (ROOT / "docs" / "http.md").read_text()
OURS = sorted((ROOT / "controller").rglob("*.py"))


@pytest.mark.parametrize("code", list(ReasonCode))
def test_every_reason_is_explained(code):
    assert f"`{code.value}`" in OPERATIONS


def test_every_log_event_is_explained():
    said = re.compile(r'\blog\.(?:info|warning|error|exception)\("([\w-]+)"')
    events = {found for path in OURS for found in said.findall(path.read_text())}

    assert len(events) > 10
    assert not {event for event in events if f"`{event}`" not in OPERATIONS}


def test_exactly_the_existing_metrics_are_explained_with_their_labels():
    row = re.compile(r"^\| `(stoker_\w+)` \| (\w+) \| ([^|]*) \| [^|]{10,} \|$", re.MULTILINE)
    told = {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in row.findall(METRICS)}

    assert told == {name: (family.kind, family.labels) for name, family in FAMILIES.items()}


def test_every_key_of_a_pool_is_explained():
    source = inspect.getsource(status_entries)
    body = source[source.index("def pool_entry"):source.index("def decision_entry")]

    assert not {key for key in re.findall(r'"(\w+)":', body) if f"`{key}`" not in HTTP}


def test_every_path_is_explained():
    source = inspect.getsource(app)

    assert not {path for path in re.findall(r'\("(/[\w/{}]*)", ', source) if f"`{path}`" not in HTTP}


def test_every_reason_of_a_notice_is_explained():
    page = (ROOT / "docs" / "notifications.md").read_text().partition("## Notification reasons")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]+) \| [^|]{10,} \|$", page, re.MULTILINE)
    told = {code for row in rows for code in re.findall(r"`([\w-]+)`", row)}

    assert told == set(NOTICE_CODES)
