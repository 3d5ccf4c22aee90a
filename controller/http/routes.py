"""Table of routes: each path with its handler, parameters and responses.

The application, the check of parameters, and `/openapi.json` use this table.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from config.model.duration import PATTERN as SPAN
from config.model.layers import OF_TOP
from config.model.policy import MOST_UNITS, NAME
from controller.decision.planning.overrides_in_force import Kind
from controller.http.handlers.dashboard import LIBRARY, OWN_FILES, assets, dashboard
from controller.http.handlers.decisions import CURSOR, MOST, decisions
from controller.http.handlers.forecast import LEAST_HOURS, MOST_HOURS, forecast
from controller.http.handlers.health import healthz, readyz
from controller.http.handlers.history import history
from controller.http.handlers.in_flight import LARGEST, SENDER, in_flight
from controller.http.handlers.metrics import METRICS_TYPE, metrics
from controller.http.handlers.otlp import metrics as exported_metrics
from controller.http.handlers.otlp import traces as exported_traces
from controller.http.handlers.overrides import clear, overrides, set_override
from controller.http.handlers.pools import pool, pools, status
from controller.http.handlers.prewarm import prewarm
from controller.http.handlers.release import release
from controller.http.handlers.reload import reload
from controller.http.handlers.why import why
from controller.http.long_poll import SPAN as WAIT_SPAN
from controller.http.published_state import PublishedState
from controller.http.schemas.decisions import Decisions, Why
from controller.http.schemas.health import Health, Readiness
from controller.http.schemas.in_flight import ReportRecorded
from controller.http.schemas.overrides import Overrides, OverridesCleared, OverrideStored, PrewarmResult
from controller.http.schemas.reload import Released, Reloaded
from controller.http.schemas.series import Forecast, History
from controller.http.schemas.shape import Shape
from controller.http.schemas.status import PoolDetail, Pools, Status
from controller.overrides.parsing import BY_LENGTH, MOST_FACTOR, REASON_LENGTH

Json = dict[str, Any]
Handler = Callable[[PublishedState, web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path. `responses`: shape, media type or None by status, without the errors that all routes have.

    `parameters`: schema by name. If a route has any, unknown ones are refused. `refuses`: statuses of its errors.
    """

    method: str
    path: str
    handler: Handler
    responses: Mapping[int, type[Shape] | str | None]
    parameters: Mapping[str, Json] = field(default_factory=dict)
    body: Json | None = None
    refuses: tuple[int, ...] = ()
    anywhere: bool = False
    """Whether a standby accepts it too, because it concerns one daemon."""

    @property
    def guarded(self) -> bool:
        """Whether it requires the bearer token."""
        return self.method != "GET"


INSTANT: Json = {"type": "string", "format": "date-time"}
HOURS: Json = {"type": "number", "minimum": LEAST_HOURS, "maximum": MOST_HOURS,
               "description": "Length in hours; default 6."}
WAIT: Json = {"type": "string", "pattern": WAIT_SPAN,
              "description": "Wait for a response that differs from If-None-Match, or from the current one; at most this long, "
                             "such as 30s; maximum 60s."}
KIND: Json = {"type": "string", "enum": [kind.value for kind in Kind], "description": "End only overrides of this kind."}
RECORDED_NAME = f"{NAME.removesuffix('$')}({OF_TOP})?$"
"""Name under which decisions are recorded: of a pool, or of the pings above its base."""

ASSETS = (*OWN_FILES, *LIBRARY)
DECISIONS: dict[str, Json] = {
    "pool": {"type": "string", "pattern": RECORDED_NAME, "description": "Only this pool, or its pings: NAME:pings."},
    "since": {**INSTANT, "description": "At or after this instant."},
    "limit": {"type": "integer", "minimum": 1, "maximum": MOST, "description": "Maximum number of items; default 100."},
    "before": {"type": "string", "pattern": f"^{CURSOR.pattern}$", "description": "`next` of an earlier page."},
}


def words(most: int) -> Json:
    """Return the schema of a non-empty line of printable ASCII."""
    return {"type": "string", "minLength": 1, "maxLength": most, "pattern": r"^[!-~]([ -~]*[!-~])?$"}


def override_body(kind: Kind, amount: Mapping[str, Json], end: Mapping[str, Json]) -> Json:
    """Return the schema of a request for an override of `kind`."""
    keys = {"kind": {"const": kind.value}, **amount, **end, "reason": words(REASON_LENGTH), "by": words(BY_LENGTH)}
    return {"type": "object", "properties": keys, "required": list(keys), "additionalProperties": False}


ENDS: tuple[dict[str, Json], ...] = (
    {"for": {"type": "string", "pattern": SPAN, "description": "A duration, such as 2h; at most 7d."}},
    {"until": {**INSTANT, "description": "An instant with its zone, at most 7 days from now."}},
)
AMOUNTS: tuple[tuple[Kind, dict[str, Json]], ...] = (
    (Kind.PAUSE, {}),
    (Kind.PIN, {"units": {"type": "integer", "minimum": 0, "maximum": MOST_UNITS}}),
    (Kind.BOOST, {"units": {"type": "integer", "minimum": 1, "maximum": MOST_UNITS}}),
    (Kind.BOOST, {"factor": {"type": "number", "exclusiveMinimum": 1, "maximum": MOST_FACTOR}}),
)
OVERRIDE: Json = {"oneOf": [override_body(kind, amount, end) for kind, amount in AMOUNTS for end in ENDS]}
PREWARM: Json = {"type": "object", "additionalProperties": False, "required": ["units", "for", "reason"], "properties": {
    "units": {"type": "integer", "minimum": 1, "maximum": MOST_UNITS, "description": "Minimum number of units."},
    "for": {"type": "string", "pattern": SPAN, "description": "A duration, such as 10m; limited by prewarm.max_duration."},
    "reason": words(REASON_LENGTH), "by": words(BY_LENGTH)}}

REPORT_KEYS: dict[str, Json] = {name: {"type": "integer", "minimum": 0, "maximum": most} for name, most in LARGEST.items()}
IN_FLIGHT: Json = {
    "type": "object", "additionalProperties": False, "required": ["sender", "sequence"],
    "properties": {"sender": {"type": "string", "pattern": SENDER}, **REPORT_KEYS, "final": {"type": "boolean"}},
    "oneOf": [{"required": ["in_flight"], "not": {"required": ["ended"]}},
              {"required": ["ended"], "not": {"required": ["in_flight"]}}],
    "if": {"required": ["final"], "properties": {"final": {"const": True}}},
    "then": {"required": ["in_flight"], "properties": {"in_flight": {"const": 0}}}}

MISSING, STARTING, WRONG, CONFLICT = 404, 503, 400, 409
ROUTES: tuple[Route, ...] = (
    Route("GET", "/", dashboard, {200: "text/html", 304: None}),
    Route("GET", "/assets/{name}", assets, {200: "*/*", 304: None}, refuses=(MISSING,)),
    Route("GET", "/healthz", healthz, {200: Health}),
    Route("GET", "/readyz", readyz, {200: Readiness, 503: Readiness}),
    Route("GET", "/status", status, {200: Status, 304: None}, {"wait": WAIT}, refuses=(WRONG, STARTING)),
    Route("GET", "/metrics", metrics, {200: METRICS_TYPE}),
    Route("GET", "/v1/pools", pools, {200: Pools}),
    Route("GET", "/v1/pools/{name}", pool, {200: PoolDetail, 304: None}, {"wait": WAIT},
          refuses=(WRONG, MISSING, STARTING)),
    Route("GET", "/v1/pools/{name}/forecast", forecast, {200: Forecast}, {"hours": HOURS},
          refuses=(WRONG, MISSING, STARTING)),
    Route("GET", "/v1/pools/{name}/history", history, {200: History}, {"hours": HOURS},
          refuses=(WRONG, MISSING, STARTING)),
    Route("GET", "/v1/pools/{name}/overrides", overrides, {200: Overrides}, refuses=(MISSING, STARTING)),
    Route("POST", "/v1/pools/{name}/overrides", set_override, {200: OverrideStored}, body=OVERRIDE,
          refuses=(WRONG, MISSING, STARTING)),
    Route("DELETE", "/v1/pools/{name}/overrides", clear, {200: OverridesCleared}, {"kind": KIND},
          refuses=(WRONG, MISSING, STARTING)),
    Route("POST", "/v1/pools/{name}/prewarm", prewarm, {200: PrewarmResult}, body=PREWARM,
          refuses=(WRONG, MISSING, 429, STARTING)),
    Route("POST", "/v1/pools/{name}/in-flight", in_flight, {200: ReportRecorded}, body=IN_FLIGHT,
          refuses=(WRONG, MISSING, 429, STARTING)),
    Route("GET", "/v1/pools/{name}/why", why, {200: Why}, {"at": {**INSTANT, "description": "Decision time."}},
          refuses=(WRONG, MISSING, STARTING)),
    Route("POST", "/v1/orphans/{name}/release", release, {200: Released},
          {"dry_run": {"type": "boolean", "description": "Only show what would be changed; default false."}},
          refuses=(WRONG, MISSING, STARTING)),
    Route("POST", "/v1/reload", reload, {200: Reloaded}, refuses=(CONFLICT, STARTING), anywhere=True),
    Route("GET", "/v1/decisions", decisions, {200: Decisions, 304: None}, DECISIONS, refuses=(WRONG,)),
)
OTLP: tuple[Route, ...] = (Route("POST", "/v1/metrics", exported_metrics, {}), Route("POST", "/v1/traces", exported_traces, {}))
"""Routes that the OpenTelemetry protocol describes. They are not in `/openapi.json`."""
