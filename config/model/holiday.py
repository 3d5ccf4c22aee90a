"""Public holidays by country, from the `holidays` library, which is imported only when a policy names a country."""

from collections.abc import Iterator
from datetime import date
from difflib import get_close_matches
from functools import lru_cache

LANGUAGE = "en_US"
"""Language of the names. Without it, the library reads it from the process environment, and names differ between machines."""


def check_holidays(country: str, subdivision: str | None) -> None:
    """Raise `ValueError` unless the library has holidays of the country and of its subdivision."""
    known = supported()
    if country not in known:
        near = f": did you mean {country.upper()}?" if country.upper() in known else ": use an ISO 3166 code such as DE or US"
        raise ValueError(f"no holidays are available for country {country!r}{near}")
    if subdivision is not None and subdivision not in known[country]:
        parts = known[country]
        similar = get_close_matches(subdivision.upper(), parts, 1, 0.5)
        hint = f"did you mean {similar[0]}? " if similar else ""
        allowed = ", ".join(parts[:60]) or "none: remove subdivision"
        raise ValueError(f"no holidays are available for subdivision {subdivision!r} of {country}: {hint}allowed: {allowed}")


@lru_cache(maxsize=1)
def supported() -> dict[str, list[str]]:
    """Return the supported countries, each with its subdivisions."""
    from holidays import list_supported_countries

    return list_supported_countries(include_aliases=True)


def holidays_between(country: str, subdivision: str | None, first: date, last: date) -> Iterator[tuple[date, str]]:
    """Yield date and name of each holiday from `first` to `last`, both included."""
    for year in range(first.year, last.year + 1):
        yield from (each for each in holidays_of(country, subdivision, year) if first <= each[0] <= last)


@lru_cache(maxsize=512)
def holidays_of(country: str, subdivision: str | None, year: int) -> tuple[tuple[date, str], ...]:
    """Return the holidays of a year, in order. Cached: the call takes milliseconds, and many pools share a country."""
    from holidays import country_holidays

    known = country_holidays(country, subdiv=subdivision, years=year, language=LANGUAGE)
    return tuple(sorted((day, called) for day, called in known.items() if day.year == year))
