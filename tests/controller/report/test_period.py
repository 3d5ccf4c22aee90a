"""When a weekly report is due."""

from datetime import UTC, datetime, timedelta

import pytest

from config.model.notify import WEEKDAYS, WeeklyReport
from controller.report.period import last_due

MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.mark.parametrize(("now", "due"), [
    (MONDAY, MONDAY), (MONDAY + timedelta(days=6, hours=23), MONDAY), (MONDAY - timedelta(seconds=1), MONDAY - timedelta(days=7)),
    (MONDAY + timedelta(days=7), MONDAY + timedelta(days=7)),
])
def test_it_is_due_from_its_hour_on_until_the_next_week(now, due):
    assert last_due(WeeklyReport(), now) == due


@pytest.mark.parametrize(("weekday", "later"), list(zip(WEEKDAYS, range(7), strict=True)))
def test_every_weekday_can_be_set(weekday, later):
    assert last_due(WeeklyReport(weekday=weekday, hour=0), MONDAY + timedelta(days=6)) == MONDAY + timedelta(days=later, hours=-8)
