"""Cron expressions: spaces and nicknames are accepted; other syntax is rejected with a correction."""

import re

import pytest

from config.model.cron import check_cron, days_by_number, either_day


@pytest.mark.parametrize(
    ("written", "taken"),
    [
        ("  30  6 *  *  1-5 ", "30 6 * * 1-5"), ("\t0 8\t* * mon", "0 8 * * mon"), ("0\u00a08 * * *", "0 8 * * *"),
        ("@daily", "0 0 * * *"), ("@Hourly", "0 * * * *"), (" @weekly ", "0 0 * * sun"), ("@annually", "0 0 1 1 *"),
        ("0 8 L * *", "0 8 L * *"), ("0 8 * * fri#2,5L", "0 8 * * fri#2,5L"), ("0 0 29 2 *", "0 0 29 2 *"),
    ],
)
def test_spaces_and_nicknames_become_five_fields(written, taken):
    assert check_cron(written) == taken


@pytest.mark.parametrize(
    ("written", "reason", "instead"),
    [
        ("cron(0 8 ? * MON-FRI *)", "sixth field is the year", 'write "0 8 * * mon-fri"'),
        ("cron(0 8 ? * 2-6 *)", "AWS syntax", 'write "0 8 * * mon-fri"'),
        ("0 8 ? * 2-6 *", "AWS syntax", 'write "0 8 * * mon-fri"'),
        ("0 8 L * ? *", "AWS syntax", 'write "0 8 L * *"'),
        ("0 8 ? * 6#3 *", "AWS syntax", 'write "0 8 * * fri#3"'),
        ("0 8 ? * 5L *", "AWS syntax", 'write "0 8 * * 4L"'),
        ("0 8 ? * L *", "AWS syntax", 'write "0 8 * * sat"'),
        ("cron(0 8 ? * 7-1 *)", "AWS syntax", 'write "0 8 * * sat,sun"'),
        ("cron(0 8 1 * ? 2026)", "AWS syntax", "a year is not supported; add an event for a single date"),
        ("0 0 8 ? * 2-6", "starts with seconds", 'write "0 8 * * mon-fri"'),
        ("0 0 8 ? * MON-FRI *", "starts with seconds", 'write "0 8 * * mon-fri"'),
        ("0 0 8 * * 1-5", "starts with seconds", 'write "0 8 * * 1-5"'),
        ("0 8 ? * mon", "AWS and Quartz use for 'any'", 'write "0 8 * * mon"'),
        ("0 8 15W * *", "has 15W", "list the days"), ("0 8 L-3 * *", "has L-3", "list the days"),
        ("H 8 * * *", "Jenkins", "write a number"),
        ("rate(5 minutes)", "is a rate", 'write "*/5 * * * *"'), ("rate(1 hour)", "is a rate", 'write "0 * * * *"'),
        ("@every 12h", "is a rate", 'write "0 */12 * * *"'), ("rate(1 day)", "is a rate", 'write "0 0 * * *"'),
        ("rate(7 minutes)", "is a rate", "choose a rate that divides the hour or the day"),
        ("at(2026-01-01T00:00:00)", "one point in time", "add an event with start and duration"),
        ("@reboot", "has no time", "min applies from the start"),
    ],
)
def test_syntax_of_another_scheduler_is_named_with_a_correction(written, reason, instead):
    with pytest.raises(ValueError, match="five cron fields") as caught:
        check_cron(written)

    assert reason in str(caught.value)
    assert str(caught.value).endswith(instead)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("0 0 31 2 *", "never fires: month 2 has at most 29 days"),
        ("0 0 31 4,jun *", "never fires: month 4,jun has at most 30 days"),
        ("0 0 30 feb *", "never fires: month feb has at most 29 days"),
        ("0 8 * * fri-mon", "write fri,sat,sun,mon (a range cannot wrap past the end)"),
        ("0 8 * * monday-friday", "write mon-fri"), ("0 8 * january *", "write jan"), ("0 8 * * friL", "write 5L"),
        ("0 22-2 * * *", "write 22-23,0-2"), ("60 * * * *", "minute is '60': allowed: 0 to 59"),
        ("0 24 * * *", "hour is '24': allowed: 0 to 23"), ("0 8 0 * *", "day-of-month is '0': allowed: 1 to 31"),
        ("0 8 * 13 *", "month is '13': allowed: 1 to 12"), ("0 8 * * 8", "day-of-week is '8': allowed: sun to sat or 0 to 7"),
        ("0 8 * *", "five cron fields: minute hour day-of-month month day-of-week, but 4 fields"), ("", "but 0 fields"),
        ("every day at 8", "but 4 fields"), ("0 8 * * *" + ",1" * 300, "five cron fields"),
    ],
)
def test_an_invalid_field_is_named_with_the_allowed_values(written, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        check_cron(written)


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("0 8 * * 2-6", ("2-6", "tue-sat", "mon-fri")), ("0 8 * * 7", ("7", "sun", "sat")),
        ("0 8 * * 0,6", ("0,6", "sun,sat", "")),
        ("0 8 * * 6#3", ("6#3", "sat#3", "fri#3")), ("0 8 * * 1-5/2", ("1-5/2", "mon-fri/2", "sun-thu/2")),
        ("0 8 * * mon", None), ("0 8 * * */2", None), ("0 8 * * mon-fri/2", None), ("0 8 * * fri#2", None),
    ],
)
def test_days_by_number_are_named_in_cron_and_aws_numbering(expression, days):
    assert days_by_number(expression) == days


@pytest.mark.parametrize(("expression", "either"), [("0 0 13 * fri", True), ("0 0 13 * *", False), ("0 0 * * fri", False)])
def test_a_day_of_month_and_a_day_of_week_fire_on_either(expression, either):
    assert either_day(expression) is either
