"""IANA time zones: lookup by name, suggestions for unknown names, and warnings about zones without summer time."""

import re
from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

ABBREVIATIONS = {
    "PST": "America/Los_Angeles", "PDT": "America/Los_Angeles", "PT": "America/Los_Angeles", "MDT": "America/Denver",
    "MT": "America/Denver", "CST": "America/Chicago", "CDT": "America/Chicago", "CT": "America/Chicago",
    "EDT": "America/New_York", "ET": "America/New_York", "BST": "Europe/London", "CEST": "Europe/Paris",
    "EEST": "Europe/Helsinki", "WEST": "Europe/Lisbon", "IST": "Asia/Kolkata", "JST": "Asia/Tokyo", "KST": "Asia/Seoul",
    "SGT": "Asia/Singapore", "HKT": "Asia/Hong_Kong", "AEST": "Australia/Sydney", "AEDT": "Australia/Sydney",
    "NZST": "Pacific/Auckland", "NZDT": "Pacific/Auckland", "BRT": "America/Sao_Paulo", "Z": "UTC",
}
FIXED = {"EST": -5, "MST": -7, "HST": -10, "GMT": 0, "GMT0": 0, "GMT+0": 0, "GMT-0": 0, "Greenwich": 0, "Etc/Greenwich": 0}
"""Zones with a fixed offset, in hours, whose names are used in places that mostly have summer time."""
CITIES = {
    -10: "Pacific/Honolulu (which has no summer time) or America/Adak", -9: "America/Anchorage", -8: "America/Los_Angeles",
    -7: "America/Denver, or America/Phoenix (which has no summer time)", -6: "America/Chicago", -5: "America/New_York",
    -4: "America/Halifax", -3: "America/Sao_Paulo", 0: "Europe/London", 1: "Europe/Paris or Europe/Berlin", 2: "Europe/Helsinki",
    3: "Europe/Istanbul", 4: "Asia/Dubai", 5: "Asia/Karachi", 7: "Asia/Bangkok", 8: "Asia/Singapore", 9: "Asia/Tokyo",
    10: "Australia/Sydney", 12: "Pacific/Auckland",
}
ETC = re.compile(r"Etc/GMT([+-])(\d{1,2})")
OFFSET = re.compile(r"(?:UTC|GMT)?\s*([+-])(\d{1,2})(?::?(\d\d))?", re.IGNORECASE)


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """Return the IANA time zone `name`, stripped of surrounding spaces. Raise `ValueError` when there is none."""
    try:
        return ZoneInfo(name.strip())
    except (KeyError, ValueError, OSError):  # a directory name raises OSError, a path outside the database ValueError
        raise ValueError(f"{name!r:.60} is not an IANA time zone such as Europe/Paris or UTC{meant_zone(name.strip())}") from None


def meant_zone(name: str) -> str:
    """Return a suggestion for an unknown zone name, as the end of a message; empty when no zone is similar."""
    offset = OFFSET.fullmatch(name)
    if offset is not None:
        city = CITIES.get(int(f"{offset[1]}{offset[2]}")) if offset[3] in (None, "00") else None
        return f": an offset has no summer time; write the zone of a city{'' if city is None else f', such as {city}'}"
    if re.fullmatch(r".* (Standard|Daylight|Summer) Time", name):
        return ": this is a Windows name; write the zone of a city, such as America/New_York"
    if name.upper() in ABBREVIATIONS:
        return f": write {ABBREVIATIONS[name.upper()]}"
    by_lower = {known.lower(): known for known in available_timezones()}
    by_city = {known.rpartition("/")[2]: by_lower[known] for known in sorted(by_lower) if "/" in known}
    plain = re.sub(r"[\s-]+", "_", name.lower())
    near = by_lower.get(plain) or by_city.get(plain)
    if near is None:
        similar = get_close_matches(plain, by_lower, 1, 0.8) or get_close_matches(plain, by_city, 1, 0.8)
        near = (by_lower | by_city)[similar[0]] if similar else None
    return "" if near is None else f": write {near}"


def without_summer_time(name: str) -> str | None:
    """Return a warning for a fixed-offset zone that is probably not intended, with what to write; None for other zones."""
    etc = ETC.fullmatch(name)
    if etc is not None and int(etc[2]):
        hours = int(etc[2]) * (1 if etc[1] == "-" else -1)
        side = "ahead of" if hours > 0 else "behind"
        city = CITIES.get(hours)
        return (f"{name} is {abs(hours)} h {side} UTC (its sign is reversed) and has no summer time: write the zone "
                f"of a city{'' if city is None else f', such as {city}'}")
    if name in FIXED:
        return f"{name} has no summer time: write {CITIES[FIXED[name]]}{', or UTC' if FIXED[name] == 0 else ''}"
    return None
