"""Figures and overrides as the commands print them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import click

from config.model.shown import DEFAULT, Shown, local, show_as, time_text


def override_line(shown: Mapping[str, Any]) -> str:
    """Return an override as one line."""
    return f"{shown['order']} until {moment(shown['until'])} by {shown['by']} ({shown['reason']})"


def use_display(shown: Shown) -> None:
    """Format amounts and times as `shown` until the command ends."""
    show_as(shown)
    if (context := click.get_current_context(silent=True)) is not None:
        context.call_on_close(lambda: show_as(DEFAULT))


def moment(at: str, form: str = "%Y-%m-%d %H:%M") -> str:
    """Return an instant of a response in the displayed time zone, with its name."""
    return time_text(datetime.fromisoformat(at), form)


def line_with_effect(shown: Mapping[str, Any]) -> str:
    """Return an override in force as one line, with its effect."""
    return f"{override_line(shown)}: {shown['effect']}"


def next_hours(body: dict[str, Any], now: str = "as_of") -> str:
    """Return the changes of the target in the next hours, or why there is no plan. `now`: the key of the start time."""
    if body["next"] is None:
        return f"- ({body['next_missing']})"
    begin = datetime.fromisoformat(body[now])
    changes = [pair for before, pair in pairwise([[0, None], *body["next"]]) if before[1] != pair[1]]
    times = (begin + timedelta(minutes=minutes) for minutes, _ in changes)
    return ", ".join(f"{local(time):%H:%M} {units}" for time, (_, units) in zip(times, changes, strict=True))


def format_value(value: float | None, form: str = "d", unit: str = "") -> str:
    """Return a number with its unit, or a dash when it is unknown."""
    return "-" if value is None else format(value, form) + unit


def blackout_text(body: Mapping[str, Any]) -> str | None:
    """Return for how long pings have held all idle units, and the requests expected then; None for a pool without pings."""
    if "actual_ping_blackout_seconds_since_start" not in body:
        return None
    held, requests = body["actual_ping_blackout_seconds_since_start"], body["actual_ping_blackout_requests_since_start"]
    if held is None:
        return "not measured"
    expected = "requests in it not measured" if requests is None else f"about {requests:.1f} requests in it"
    return f"for {held:.2f} s since the start of the daemon, {expected}"
