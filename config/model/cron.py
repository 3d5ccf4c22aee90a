"""Cron expressions of five fields: validation, conversion from other schedulers' syntax, and days by number."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from cronsim import CronSim, CronSimError

FIELDS = re.compile(r"[0-9A-Za-z*,/#-]+( [0-9A-Za-z*,/#-]+){4}")
NICKNAMES = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * sun", "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}
WANTED = "five cron fields: minute hour day-of-month month day-of-week"
ALLOWED = {
    "minute": "0 to 59", "hour": "0 to 23", "day-of-month": "1 to 31, L for the last day and LW for the last from mon to fri",
    "month": "1 to 12 or jan to dec", "day-of-week": "sun to sat or 0 to 7 (0 and 7 are Sunday), fri#2 for the second and 5L "
                                                     "for the last",
}
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
LONGEST_MONTH = {"2": 29, "feb": 29, "4": 30, "apr": 30, "6": 30, "jun": 30, "9": 30, "sep": 30, "11": 30, "nov": 30}
RATE = re.compile(r"(?:rate\(\s*|@every\s+)(\d+)\s*(minutes?|m|hours?|h|days?|d)\s*\)?", re.IGNORECASE)
LONGEST = 200


def check_cron(expression: str) -> str:
    """Return `expression` as five fields with single spaces. Raise `ValueError` when it is invalid or never fires."""
    text = " ".join(expression.split())
    text = NICKNAMES.get(text.lower(), text)
    foreign = foreign_syntax(text) if len(text) <= LONGEST else None
    if foreign is not None:
        raise ValueError(f"{expression!r:.80} {foreign}")
    if not FIELDS.fullmatch(text) or len(text) > LONGEST:
        count = len(text.split())
        many = "" if count == 5 else f", but {count} {'field' if count == 1 else 'fields'}"
        raise ValueError(f"{expression!r:.60} is not {WANTED}{many}")
    try:
        next(CronSim(text, datetime(2026, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        raise ValueError(f"{expression!r:.80}: {bad_field(text, str(error).lower())}") from None
    except StopIteration:
        raise ValueError(f"{expression!r:.80} never fires: no selected month has that day") from None
    return text


def foreign_syntax(text: str) -> str | None:
    """Return the name of another scheduler's syntax and the equivalent five fields; None when it is not recognised."""
    rate, wrapped = RATE.fullmatch(text), re.fullmatch(r"cron\((.*)\)", text, re.IGNORECASE)
    if rate is not None:
        even = evenly(int(rate[1]), rate[2][0].lower())
        return f"is a rate, not {WANTED}{instead(even) or ': choose a rate that divides the hour or the day'}"
    if re.fullmatch(r"at\(.*\)", text, re.IGNORECASE):
        return f"is one point in time, not {WANTED}: add an event with start and duration"
    if text.lower() == "@reboot":
        return f"has no time, not {WANTED}: a pool's min applies from the start"
    fields = (wrapped[1] if wrapped is not None else text).split()
    if wrapped is not None or len(fields) in (6, 7):
        return six_fields(fields, aws=wrapped is not None)
    nearest = next((field for field in fields[2:3] if re.search(r"\dW|L-\d", field, re.IGNORECASE)), None)
    if nearest is not None and len(fields) == 5:
        return f"has {nearest}, which AWS and Quartz use for the nearest weekday, not {WANTED}: list the days"
    if len(fields) == 5 and "?" in text:
        return f"has a ?, which AWS and Quartz use for 'any', not {WANTED}{instead(converted(fields))}"
    if len(fields) == 5 and re.search(r"\bH\b", text):
        return f"has an H, which Jenkins uses for a hashed value, not {WANTED}: write a number"
    return None


def six_fields(fields: Sequence[str], aws: bool) -> str:
    """Return the message for an expression with a year, with seconds or with both."""
    marked = [place for place, field in enumerate(fields) if field == "?"]
    if aws or (len(fields) == 6 and (set(marked) & {2, 4} or re.match(r"\d{4}", fields[5]))):
        year = fields[5] if len(fields) == 6 else "*"
        name, rest = "is in AWS syntax, whose sixth field is the year", converted(fields[:5], from_one=True)
    else:
        year = fields[6] if len(fields) == 7 else "*"
        name, rest = "starts with seconds, as in Quartz and Spring", converted(fields[1:6], from_one=bool(marked))
    if year not in ("*", "?"):
        return f"{name}, not {WANTED}: a year is not supported; add an event for a single date"
    return f"{name}, not {WANTED}{instead(rest)}"


def instead(text: str | None) -> str:
    """Return the text to write instead; empty when it is not known."""
    return "" if text is None else f': write "{text}"'


def evenly(count: int, unit: str) -> str | None:
    """Return five fields that fire every `count` minutes, hours or days; None when cron cannot express that."""
    if unit == "d":
        return "0 0 * * *" if count == 1 else None
    whole, ahead, behind = (60, "", " * * * *") if unit == "m" else (24, "0 ", " * * *")
    if count < 1 or whole % count:
        return None
    return f"{ahead}{'*' if count == 1 else f'*/{count}' if count < whole else '0'}{behind}"


def converted(fields: Sequence[str], from_one: bool = True) -> str | None:
    """Return the equivalent five fields, None when there are none. `from_one`: weekdays count from 1 (Sunday)."""
    if len(fields) != 5:
        return None
    *others, day = ["*" if field == "?" else field for field in fields]
    text = " ".join((*others, renamed(day.lower(), 1) if from_one else day))
    try:
        return check_cron(text)
    except ValueError:
        return None


def renamed(day: str, first: int) -> str:
    """Return a day-of-week field with names for its numbers; `first` is the number of Sunday."""
    def name(number: re.Match[str]) -> str:
        return DAYS[(int(number[0]) - first) % 7]

    parts = []
    for part in day.split(","):
        last = re.fullmatch(r"(\d)l", part)
        if last is not None:
            parts.append(f"{(int(last[1]) - first) % 7}L")
        elif part == "l":
            parts.append("sat")
        else:
            span, *rest = re.split(r"([/#])", part, maxsplit=1)
            parts.append("".join((unwrapped(re.sub(r"\d", name, span), DAYS), *rest)))
    return ",".join(parts)


def unwrapped(span: str, names: Sequence[str]) -> str:
    """Return a range of names; a range that wraps past the end becomes a list of its members."""
    first, dash, last = span.partition("-")
    if not dash or first not in names or last not in names or names.index(first) <= names.index(last):
        return span
    return ",".join((*names[names.index(first):], *names[: names.index(last) + 1]))


def bad_field(text: str, complaint: str) -> str:
    """Return what is wrong with the field that the library reports."""
    named = next((name for name in ALLOWED if name in complaint), None)
    if named is None:
        return f"{complaint}; write {WANTED}"
    fields = text.split()
    field = fields[list(ALLOWED).index(named)].lower()
    days = re.findall(r"\d+", fields[2])
    if named == "day-of-month" and days and max(map(int, days)) <= 31 and all(int(day) >= 1 for day in days):
        months = [month for month in fields[3].lower().split(",") if month in LONGEST_MONTH]
        if months and re.fullmatch(r"\d+(,\d+)*", fields[2]):
            return f"never fires: month {','.join(months)} has at most {max(LONGEST_MONTH[month] for month in months)} days"
    return f"{named} is {field!r}: allowed: {ALLOWED[named]}{nearest_field(named, field)}"


def nearest_field(named: str, field: str) -> str:
    """Return what to write for a field with long names, or with a range that wraps past the end."""
    names = DAYS if named == "day-of-week" else MONTHS if named == "month" else ()
    last = re.fullmatch(r"([a-z]{3})l", field)
    if last is not None and last[1] in DAYS and named == "day-of-week":
        return f"; write {DAYS.index(last[1])}L"
    short = re.sub(r"[a-z]{4,}", lambda word: next((name for name in names if word[0].startswith(name)), word[0]), field)
    text = ",".join(unwrapped(part, names) for part in short.split(","))
    wraps = re.fullmatch(r"(\d+)-(\d+)", field)
    if wraps is not None and int(wraps[1]) > int(wraps[2]) and named in ("minute", "hour"):
        text = f"{wraps[1]}-{59 if named == 'minute' else 23},0-{wraps[2]}"
    if text == field:
        return ""
    return f"; write {text} (a range cannot wrap past the end)" if text.count(",") > field.count(",") else f"; write {text}"


def days_by_number(expression: str) -> tuple[str, str, str] | None:
    """Return a checked expression's day-of-week field, its days by number, and the days that AWS and Quartz read.

    None when it has no number. The last is empty when AWS and Quartz would refuse it.
    """
    field = expression.split()[4]
    spans = [re.split("[/#]", part)[0] for part in field.lower().split(",")]
    numbers = [int(number) for span in spans for number in re.findall(r"\d", span)]
    if not numbers:
        return None
    return field, renamed(field.lower(), 0), "" if 0 in numbers else renamed(field.lower(), 1)


def either_day(expression: str) -> bool:
    """Return whether a checked expression sets day of month and day of week, so that it fires when either matches."""
    return not CronSim(expression, datetime(2026, 1, 1, tzinfo=UTC)).day_and
