"""Cron expressions of five fields: what is taken, what is meant by another scheduler's syntax, and which days a number is."""

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
    """The expression of five fields that `expression` says, with single blanks; `ValueError` unless it is one that ever fires."""
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
        raise ValueError(f"{expression!r:.80} never fires: no such month has such a day") from None
    return text


def foreign_syntax(text: str) -> str | None:
    """What another scheduler's syntax is, and the five fields that mean the same; None for what is not known as such."""
    rate, wrapped = RATE.fullmatch(text), re.fullmatch(r"cron\((.*)\)", text, re.IGNORECASE)
    if rate is not None:
        even = evenly(int(rate[1]), rate[2][0].lower())
        return f"is a rate, not {WANTED}{instead(even) or ': take one that divides the hour or the day'}"
    if re.fullmatch(r"at\(.*\)", text, re.IGNORECASE):
        return f"is one point in time, not {WANTED}: announce it as an event with start and duration"
    if text.lower() == "@reboot":
        return f"is no point in time, not {WANTED}: a pool's own min holds from the start"
    fields = (wrapped[1] if wrapped is not None else text).split()
    if wrapped is not None or len(fields) in (6, 7):
        return six_fields(fields, aws=wrapped is not None)
    nearest = next((field for field in fields[2:3] if re.search(r"\dW|L-\d", field, re.IGNORECASE)), None)
    if nearest is not None and len(fields) == 5:
        return f"has {nearest}, which AWS and Quartz have for a day near another one, not {WANTED}: write the days themselves"
    if len(fields) == 5 and "?" in text:
        return f"has a ?, which AWS and Quartz have for 'any', not {WANTED}{instead(converted(fields))}"
    if len(fields) == 5 and re.search(r"\bH\b", text):
        return f"has an H, which Jenkins has for 'some', not {WANTED}: write a number"
    return None


def six_fields(fields: Sequence[str], aws: bool) -> str:
    """What is said of an expression with a year, with seconds or with both."""
    marked = [place for place, field in enumerate(fields) if field == "?"]
    if aws or (len(fields) == 6 and (set(marked) & {2, 4} or re.match(r"\d{4}", fields[5]))):
        year = fields[5] if len(fields) == 6 else "*"
        name, rest = "has the form of AWS, whose sixth field is the year", converted(fields[:5], from_one=True)
    else:
        year = fields[6] if len(fields) == 7 else "*"
        name, rest = "has seconds in front, as Quartz and Spring write it", converted(fields[1:6], from_one=bool(marked))
    if year not in ("*", "?"):
        return f"{name}, not {WANTED}: a year cannot be given; announce what happens once as an event"
    return f"{name}, not {WANTED}{instead(rest)}"


def instead(text: str | None) -> str:
    """What to write, when that is known."""
    return "" if text is None else f': write "{text}"'


def evenly(count: int, unit: str) -> str | None:
    """Five fields that come again after so many minutes, hours or days; None where cron cannot say it."""
    if unit == "d":
        return "0 0 * * *" if count == 1 else None
    whole, ahead, behind = (60, "", " * * * *") if unit == "m" else (24, "0 ", " * * *")
    if count < 1 or whole % count:
        return None
    return f"{ahead}{'*' if count == 1 else f'*/{count}' if count < whole else '0'}{behind}"


def converted(fields: Sequence[str], from_one: bool = True) -> str | None:
    """Five fields in our syntax; None where it cannot say the same. `from_one`: days of the week count from 1, a Sunday."""
    if len(fields) != 5:
        return None
    *others, day = ["*" if field == "?" else field for field in fields]
    text = " ".join((*others, renamed(day.lower(), 1) if from_one else day))
    try:
        return check_cron(text)
    except ValueError:
        return None


def renamed(day: str, first: int) -> str:
    """A day-of-week field with names for its numbers, of which `first` is Sunday."""
    def name(found: re.Match[str]) -> str:
        return DAYS[(int(found[0]) - first) % 7]

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
    """A range of names; one that goes over the end as a list of its members."""
    first, dash, last = span.partition("-")
    if not dash or first not in names or last not in names or names.index(first) <= names.index(last):
        return span
    return ",".join((*names[names.index(first):], *names[: names.index(last) + 1]))


def bad_field(text: str, complaint: str) -> str:
    """What is wrong with the field that the library complains of."""
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
    return f"{named} is {field!r}: allowed is {ALLOWED[named]}{nearest_field(named, field)}"


def nearest_field(named: str, field: str) -> str:
    """What to write for a field with long names, or with a range over its end."""
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
    return f"; write {text} (a range cannot go over its end)" if text.count(",") > field.count(",") else f"; write {text}"


def days_by_number(expression: str) -> tuple[str, str, str] | None:
    """A checked expression's day-of-week field, the days that its numbers are, and those that they are to AWS and Quartz.

    None when it has no number, the last empty when those would not take it.
    """
    field = expression.split()[4]
    spans = [re.split("[/#]", part)[0] for part in field.lower().split(",")]
    numbers = [int(number) for span in spans for number in re.findall(r"\d", span)]
    if not numbers:
        return None
    return field, renamed(field.lower(), 0), "" if 0 in numbers else renamed(field.lower(), 1)


def either_day(expression: str) -> bool:
    """Whether a checked expression restricts day of month and day of week, so that it fires when either fits."""
    return not CronSim(expression, datetime(2026, 1, 1, tzinfo=UTC)).day_and
