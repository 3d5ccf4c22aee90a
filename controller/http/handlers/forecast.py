"""`/v1/pools/{name}/forecast?hours=`: past demand and its forecast, the forecast to come, and the current capacity."""

import re
from datetime import datetime

from aiohttp import web

from controller.fleet.readings import readings_body
from controller.forecasts.cache import NoForecast
from controller.forecasts.capacity_forecast import AHEAD_MINUTES
from controller.forecasts.comparison import DECIDES, DECIDES_TEXT, Basis, difference_body, differences
from controller.forecasts.refresh_rotation import CapacityForecast
from controller.http.components import Components
from controller.http.published_state import PublishedState
from controller.http.responses import BadRequest, dumps, json_bytes
from forecasting.demand import minute_of

LEAST_HOURS, MOST_HOURS, DEFAULT = 0.25, 24.0, 6.0
NUMBER = re.compile(r"[0-9]{1,2}(\.[0-9]{1,17})?")


async def forecast(published: PublishedState, request: web.Request) -> web.Response:
    """Return the forecast as of the newest settled minute, calculated on request, and the current capacity."""
    name, components = published.pool_of(request)
    fleet, forecasts = components.fleet, components.forecasts
    hours = hours_of(request.query.get("hours"))
    forecasts.rotation.request(name)
    try:
        body = await forecasts.cache.body(name, hours)
    except NoForecast as error:
        raise web.HTTPServiceUnavailable(reason=str(error)) from error
    plan, now = fleet.plans.get(name), published.clock.now()
    ahead = forecasts.rotation.capacity_forecast(name, now)
    live = {
        "now": now, "target": None if plan is None else plan.target,
        "capacity": readings_body(fleet.reconcilers[name]),
        "next": ahead.pairs, "next_at": ahead.at, "next_missing": ahead.reason,
        "decides": DECIDES, "decides_text": DECIDES_TEXT, "differences": differences_of(components, name, ahead, now),
    }
    return json_bytes(dumps(live)[:-1] + b"," + body[1:])


def differences_of(components: Components, name: str, ahead: CapacityForecast, now: datetime) -> list[dict[str, object]]:
    """Return the spans in which the rules ask for units outside the forecast, in order of time."""
    if not ahead.pairs:
        return []
    first, policy = minute_of(now), components.fleet.reconcilers[name].policy
    terms, weights = components.fleet.region_of[name].weights(name)
    peak = components.forecasts.rotation.accuracy.path(name, first, first + AHEAD_MINUTES)
    steps = [(first + minutes, units) for minutes, units in ahead.pairs]
    return [difference_body(each, Basis(policy, terms, weights)) for each in differences(steps, peak, first, terms.lead_time)]


def hours_of(text: str | None) -> float:
    """Return the length in hours. Raise `BadRequest`."""
    if text is None:
        return DEFAULT
    hours = float(text) if NUMBER.fullmatch(text) else 0.0
    if not LEAST_HOURS <= hours <= MOST_HOURS:
        raise BadRequest(f"hours: {text[:40]!a} is not a number from {LEAST_HOURS:g} to {MOST_HOURS:g}")
    return hours
