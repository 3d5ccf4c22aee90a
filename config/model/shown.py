"""How amounts and times are shown to people. Files, HTTP, metrics and stored values stay in USD and UTC."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from config.model.zones import zone


@dataclass(frozen=True, slots=True)
class Shown:
    """Time zone and currency. `rate`: units of the currency per USD."""

    timezone: str = "UTC"
    currency: str = "USD"
    rate: float = 1.0

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "Shown":
        """Return the settings in a response."""
        return cls(str(body["timezone"]), str(body["currency"]), float(body["units_per_usd"]))

    def body(self) -> dict[str, Any]:
        """Return the settings as JSON values, for pages that format on their own."""
        return {"timezone": self.timezone, "currency": self.currency, "units_per_usd": self.rate}


DEFAULT = Shown()
_shown: ContextVar[Shown] = ContextVar("shown", default=DEFAULT)


def show_as(shown: Shown) -> None:
    """Format amounts and times of this context, such as a command that prints a table, as `shown` from now on."""
    _shown.set(shown)


def shown_as() -> Shown:
    """Return how amounts and times are formatted."""
    return _shown.get()


def amount_text(usd: float | None, form: str = ".2f") -> str:
    """Return an amount in USD as a number in the displayed currency; a dash when it is unknown."""
    return "-" if usd is None else format(usd * shown_as().rate, form)


def local(at: datetime) -> datetime:
    """Return an instant in the displayed time zone."""
    key = shown_as().timezone
    where: tzinfo = UTC if key == "UTC" else zone(key)
    return at.astimezone(where)


def time_text(at: datetime, form: str = "%Y-%m-%d %H:%M") -> str:
    """Return an instant in the displayed time zone, with its name, such as `UTC` or `CET`."""
    moment = local(at)
    return f"{moment:{form}} {moment.tzname() or shown_as().timezone}"
