"""Public holidays by country, through the `holidays` library, which is imported when a policy names a country."""

from collections.abc import Iterator
from datetime import date
from difflib import get_close_matches
from functools import lru_cache

LANGUAGE = "en_US"
"""Of the names. Without one, the library takes it from the environment of the process, and names differ between machines."""


def check_holidays(country: str, subdivision: str | None) -> None:
    """`ValueError` unless there is such a country, and such a part of it."""
    known = supported()
    if country not in known:
        near = f": did you mean {country.upper()}?" if country.upper() in known else ", two letters of ISO 3166 such as DE or US"
        raise ValueError(f"no holidays are known of a country {country!r}{near}")
    if subdivision is not None and subdivision not in known[country]:
        parts = known[country]
        similar = get_close_matches(subdivision.upper(), parts, 1, 0.5)
        hint = f"did you mean {similar[0]}? " if similar else ""
        allowed = ", ".join(parts[:60]) or "none: leave subdivision out"
        raise ValueError(f"no holidays are known of a subdivision {subdivision!r} of {country}: {hint}allowed: {allowed}")


@lru_cache(maxsize=1)
def supported() -> dict[str, list[str]]:
    """Countries, each with its parts."""
    from holidays import list_supported_countries

    return list_supported_countries(include_aliases=True)


def holidays_between(country: str, subdivision: str | None, first: date, last: date) -> Iterator[tuple[date, str]]:
    """Each holiday from `first` to `last`, both included, with what it is called."""
    for year in range(first.year, last.year + 1):
        yield from (each for each in holidays_of(country, subdivision, year) if first <= each[0] <= last)


@lru_cache(maxsize=512)
def holidays_of(country: str, subdivision: str | None, year: int) -> tuple[tuple[date, str], ...]:
    """The holidays of a year, in order. Cached: it takes milliseconds, and many pools are in one country."""
    from holidays import country_holidays

    known = country_holidays(country, subdiv=subdivision, years=year, language=LANGUAGE)
    return tuple(sorted((day, called) for day, called in known.items() if day.year == year))
