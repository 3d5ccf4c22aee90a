"""Policy models: one policy of many pools, resolved, validated and immutable.

Every `PoolPolicy` is complete: `config.loading.loader` has merged the file's `defaults` into it. The docstring under a field
is its description in the JSON Schema.
"""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import ValidationInfo

from config.model.assume import Assume
from config.model.credentials import Cloud, Credentials
from config.model.dead_man import DeadMan
from config.model.demand import DemandSettings
from config.model.display import Display
from config.model.duration import Duration, format_duration
from config.model.event import MOST_EVENTS, Event
from config.model.lead import MOST_LEADS, Lead, completed_leads
from config.model.lease import LeaseSettings
from config.model.lever import LeverSettings
from config.model.limits import Limits
from config.model.notify import Sink, WeeklyReport
from config.model.prewarm import Prewarm
from config.model.schedule import MOST_UNITS, Schedule, schedule_bounds
from config.model.select import Select
from config.model.statsd import StatsD
from config.model.warmer import Warmer

__all__ = ["MOST_UNITS", "NAME", "Assume", "Objective", "Policy", "PoolPolicy", "PriceOverride", "Schedule", "schedule_bounds"]

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"
"""A pool's name is used in URLs, metric labels and `--history NAME=FILE`."""

Units = Annotated[int, Field(ge=0, le=MOST_UNITS)]
Usd = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


class Model(BaseModel):
    """Immutable, strict about types and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)


class Objective(Model):
    """Objective of a pool: a cost of each cold start, a cost of each second of a cold start, or a warm hit rate."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [
        {"required": ["cold_start_cost_usd"]}, {"required": ["cold_start_cost_usd_per_second"]}, {"required": ["warm_hit_rate"]},
    ]})

    cold_start_cost_usd: Usd | None = Field(default=None, examples=[0.05])
    """Your cost of one cold start in USD: a user who waits, a retry, a lost session. Stoker minimises the total cost."""
    cold_start_cost_usd_per_second: Usd | None = Field(default=None, examples=[0.006])
    """Your cost of each second that a user waits for a cold start, in USD. A cold start costs this times its initialisation time.
    """
    warm_hit_rate: Annotated[float, Field(gt=0, lt=1)] | None = Field(default=None, examples=[0.99])
    """Share of requests that must find a warm unit, above 0 and below 1. Stoker derives the cold-start cost from it."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        keys = list(Objective.model_fields)
        given = [key for key in keys if getattr(self, key) is not None]
        if len(given) != 1:
            how = f"{' and '.join(given)} are given" if given else "none is given"
            raise PydanticCustomError("objective", "give exactly one of {keys}: {how}", {"keys": ", ".join(keys), "how": how})
        return self

    def usd_of_cold_start(self, init_seconds: float) -> float | None:
        """Return the price of a cold start whose initialisation takes `init_seconds`; None for a warm hit rate."""
        each_second = self.cold_start_cost_usd_per_second
        return self.cold_start_cost_usd if each_second is None else each_second * init_seconds


class PriceOverride(Model):
    """Your own prices, USD per GB-second, instead of the built-in table: a discount, another region, another provider."""

    idle: Usd = Field(examples=[4.1667e-6])
    """Price of a warm unit, idle or busy."""
    warm_busy: Usd = Field(examples=[9.7222e-6])
    """Additional price while a warm unit works."""
    on_demand: Usd = Field(examples=[1.66667e-5])
    """Price while an on-demand unit works."""


class PoolPolicy(Model):
    """One pool: the resource whose warm capacity is set, and the bounds."""

    model_config = ConfigDict(validate_by_name=True)

    name: str = Field(pattern=NAME, examples=["support-agent"])
    """Letters, digits, '.', '_' and '-', starting with a letter or digit, at most 80 characters; unique."""
    lever: SerializeAsAny[LeverSettings]
    """How its warm capacity is set: the kind of the lever and the keys that identify the resource. With `levers`, the lowest."""
    top: SerializeAsAny[LeverSettings] | None = Field(default=None, validation_alias="levers")
    """Lever of the layer above; None for a pool with one lever. In a file, `levers` lists both, and the loader separates them."""
    demand: SerializeAsAny[DemandSettings] | None = None
    """Where its demand is read: the kind of the source and the keys that identify the series. When absent, the usual source of
    the lever's resource.
    """
    credentials: Credentials | None = None
    """Role or service account for all calls about the pool, when it is in another account; the daemon's own identity when absent.
    """
    leads: tuple[Lead, ...] = Field(default=(), strict=False, max_length=MOST_LEADS)
    """Leading signals: what rises before this pool's demand, such as another pool or the depth of a queue."""
    mode: Literal["shadow", "active"] = Field(default="shadow", examples=["shadow"])
    """shadow: plans are only recorded. active: plans are carried out."""
    objective: Objective = Field(default=Objective(cold_start_cost_usd=0.05))
    """The cost of each cold start or of each of its seconds, or the share of requests that must be warm: exactly one."""
    on_missing_metrics: Literal["hold", "floor", "forecast"] = Field(default="hold", examples=["hold"])
    """When metrics are missing: hold the capacity, raise it to the floor, or follow the last forecast. None lowers it."""
    on_quiet_region: Literal["hold", "trust"] = Field(default="hold", examples=["hold"])
    """When nothing has run in the pool's whole region and nothing proves that metrics work: hold the capacity, or assume zero
    demand after 15 minutes.
    """
    missing_metrics_limit: Duration = Field(default=timedelta(hours=1), examples=["1h"])
    """Time without metrics after which Stoker logs and reports the pool; from 5m to 7d. It does not change the plan."""
    on_foreign_write: Literal["yield", "reassert"] = Field(default="yield", examples=["yield"])
    """When a foreign write changes the capacity: make no write for 1 h, or set the target again."""
    on_exit: Literal["hold", "release", "floor"] = Field(default="hold", examples=["hold"])
    """When the daemon stops: hold the capacity, release what Stoker set, or set the floor in force."""
    dead_man: DeadMan | None = None
    """Scheduled change at the provider in case the daemon stops without a shutdown; none when absent."""
    keep_setting: bool = Field(default=False, examples=[True])
    """Lower to 1 unit where 0 would delete the provider's setting. For settings that a stack or another tool owns."""
    min: Units = Field(default=0, examples=[0])
    """Floor: never fewer warm units than this."""
    max: Units = Field(examples=[200])
    """Ceiling: never more warm units than this."""
    schedules: tuple[Schedule, ...] = Field(default=(), strict=False)
    """Other floors and ceilings during time windows."""
    events: tuple[Event, ...] = Field(default=(), strict=False, max_length=MOST_EVENTS)
    """Announced events, and their expected effect on baseline demand."""
    scale_down_delay: Duration = Field(default=timedelta(0), examples=["15m"])
    """Lower only to the highest target recommended within this span; at most 1d."""
    max_step_up: Annotated[int, Field(ge=1, le=MOST_UNITS)] | None = Field(default=None, examples=[50])
    """Maximum units added in one tick (1 minute)."""
    max_step_down: Annotated[int, Field(ge=1, le=MOST_UNITS)] | None = Field(default=None, examples=[10])
    """Maximum units removed in one tick (1 minute)."""
    budget_usd_per_month: Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)] | None = Field(default=None, examples=[300])
    """Maximum cost of warm capacity in a calendar month (UTC), in USD; `min` still applies."""
    warmer: Warmer | None = None
    """Requests that another tool sends to keep the pool warm; they are not counted as demand."""
    prewarm: Prewarm | None = None
    """Bounds of prewarm requests by an application; disabled when absent."""
    memory_mb: Annotated[int, Field(ge=1, le=4_194_304)] | None = Field(default=None, examples=[1024])
    """Memory of a unit; read from the provider when absent."""
    architecture: Literal["x86_64", "arm64"] | None = Field(default=None, examples=["x86_64"])
    """Processor architecture of a unit, for its price; read from the provider when absent."""
    init_seconds: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] | None = Field(default=None, examples=[8])
    """How long a cold start takes; measured when absent."""
    prices: PriceOverride | None = None
    """Your own prices instead of the built-in table."""

    @property
    def title(self) -> str:
        """Return the pool as the subject of a message."""
        return f"pool {self.name}"

    @property
    def account(self) -> str | None:
        """Return the AWS account of the lever, by the pool's role; None for the account of the daemon and for other clouds."""
        found = self.credentials_at(self.lever.cloud)
        return None if found is None else found.account

    def credentials_at(self, cloud: Cloud | None) -> Credentials | None:
        """Return the pool's credentials at one cloud; None where the daemon's own identity applies."""
        return None if self.credentials is None else self.credentials.at(cloud)

    @property
    def demand_kind(self) -> str:
        """Return the kind of the source that the pool's demand is read from."""
        return self.lever.usual_demand if self.demand is None else self.demand.kind

    @field_validator("demand")
    @classmethod
    def _lever_completes(cls, value: DemandSettings | None, info: ValidationInfo) -> DemandSettings | None:
        lever = info.data.get("lever")
        if value is None or lever is None or lever.kind == "unknown":
            return value
        try:
            return value.completed(lever)
        except ValueError as error:
            raise PydanticCustomError("demand", "{text}", {"text": str(error)}) from None

    @field_validator("leads")
    @classmethod
    def _leads_are_others(cls, value: tuple[Lead, ...], info: ValidationInfo) -> tuple[Lead, ...]:
        name, lever = info.data.get("name"), info.data.get("lever")
        if value and info.data.get("top") is not None:
            raise PydanticCustomError("lead", "a pool with two layers cannot have leads: remove leads, or use one lever")
        return value if name is None or lever is None else completed_leads(value, name, lever, info.data.get("credentials"))

    @field_validator("dead_man")
    @classmethod
    def _lever_schedules(cls, value: DeadMan | None, info: ValidationInfo) -> DeadMan | None:
        lever = info.data.get("lever")
        if value is not None and lever is not None and lever.kind != "unknown" and not lever.schedules_fallback:
            text = "{kind} has no scheduled actions: remove dead_man (set it to null where it is a default)"
            raise PydanticCustomError("dead_man", text, {"kind": lever.kind})
        return value

    @field_validator("keep_setting")
    @classmethod
    def _lever_deletes(cls, value: bool, info: ValidationInfo) -> bool:
        lever = info.data.get("lever")
        if value and lever is not None and type(lever) is not LeverSettings and not lever.deletes_at_zero:
            text = "{kind} deletes no setting at 0 units: remove keep_setting (set it to false where it is a default)"
            raise PydanticCustomError("keep_setting", text, {"kind": lever.kind})
        return value

    @field_validator("max")
    @classmethod
    def _ceiling_not_below_floor(cls, value: int, info: ValidationInfo) -> int:
        low = info.data.get("min")
        if low is not None and value < low:
            raise PydanticCustomError("bounds", "max {high} is below min {low}", {"high": value, "low": low, "either": "min"})
        return value

    @field_validator("schedules")
    @classmethod
    def _schedules_within_ceiling(cls, value: tuple[Schedule, ...], info: ValidationInfo) -> tuple[Schedule, ...]:
        high = info.data.get("max")
        for index, schedule in enumerate(value):
            if high is not None and schedule.min is not None and schedule.min > high:
                raise PydanticCustomError(
                    "bounds", "a schedule's min {low} is above the pool's max {high}",
                    {"low": schedule.min, "high": high, "at": (index, "min"), "either": "max"},
                )
        return value

    @field_validator("missing_metrics_limit")
    @classmethod
    def _limit_is_sane(cls, value: timedelta) -> timedelta:
        if not timedelta(minutes=5) <= value <= timedelta(days=7):
            raise PydanticCustomError("duration", "{span} is not from 5m to 7d", {"span": format_duration(value)})
        return value

    @field_validator("scale_down_delay")
    @classmethod
    def _delay_is_sane(cls, value: timedelta) -> timedelta:
        if value > timedelta(days=1):
            raise PydanticCustomError("duration", "{span} is too long: at most 1d", {"span": format_duration(value)})
        return value


class Policy(Model):
    """All pools of one daemon."""

    version: Literal[1] = 1
    """Version of the file format."""
    pools: tuple[PoolPolicy, ...] = Field(strict=False)
    """Pools, each with the file's defaults merged in; names are unique. Those that `select` has added are the last ones."""
    select: tuple[Select, ...] = ()
    """Entries that add pools for resources that match."""
    selected: tuple[str, ...] = ()
    """Names of the pools that `select` has added. In no file."""
    limits: Limits = Limits()
    """Limits on changes and cost of the whole fleet."""
    assume: Assume = Assume()
    """Assumptions where nothing is measured."""
    notify: tuple[Sink, ...] = Field(default=(), strict=False)
    """Sinks that receive notifications."""
    weekly_report: WeeklyReport | None = None
    """When the weekly report is sent to the sinks; none is sent when absent."""
    lease: SerializeAsAny[LeaseSettings] | None = None
    """Lease that several daemons share so that only the leader writes; None with a single daemon."""
    display: Display = Display()
    """Time zone and currency of tables, pages and reports."""
    statsd: StatsD | None = None
    """Where StatsD datagrams are received, for pools with pushed demand; nowhere when absent."""

    @model_validator(mode="after")
    def _has_pools(self) -> Self:
        if not self.pools and not self.select:
            raise PydanticCustomError("pools", "no pools: give at least one pool, or select")
        return self

    @field_validator("pools")
    @classmethod
    def _names_are_unique(cls, value: tuple[PoolPolicy, ...]) -> tuple[PoolPolicy, ...]:
        seen: set[str] = set()
        for pool in value:
            if pool.name in seen:
                raise PydanticCustomError("duplicate", "two pools are named {name}: names are unique", {"name": pool.name})
            seen.add(pool.name)
        return value
