"""Shared builders: lawful objects with one thing changed."""

from datetime import UTC, datetime, timedelta

from adapters.ports.lever import Capacity, Phase
from adapters.push.settings import PushSettings
from config.model.lever import LeverSettings
from config.model.policy import PoolPolicy
from controller.decision.planning.observation import CapacityView, DataFreshness, DemandView, Observation, Proposal

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PUSHED = PushSettings(kind="push")
"""Settings of pushed demand by default."""
SHORT_IDLE = timedelta(minutes=3), timedelta(minutes=5)
"""Maximum idle times of emulated environments: with those of AWS, a new function first plays an hour of requests."""


def pool_policy(**changes: object) -> PoolPolicy:
    """A resolved policy of one pool."""
    lever = {"kind": "lambda-provisioned-concurrency", "region": "us-east-1", "function": "agent", "alias": "live"}
    plain: dict[str, object] = {"name": "agent", "lever": lever, "mode": "active", "min": 0, "max": 100} | changes
    from adapters.kinds import policy_kinds
    kind = policy_kinds().levers["lambda-provisioned-concurrency"]
    given = changes.get("lever")
    plain["lever"] = given if isinstance(given, LeverSettings) else kind.model_validate(lever)
    return PoolPolicy.model_construct(**plain)


def alias_of(function: str, alias: str = "live") -> LeverSettings:
    """The lever of another function."""
    from adapters.kinds import policy_kinds
    kind = "lambda-provisioned-concurrency"
    settings = {"kind": kind, "region": "us-east-1", "function": function, "alias": alias}
    return policy_kinds().levers[kind].model_validate(settings)


def capacity(requested: int = 0, ready: int | None = None, now: datetime = NOON, **changes: object) -> Capacity:
    """A reading; ready unless said otherwise."""
    ready = requested if ready is None else ready
    phase = Phase.READY if ready == requested else Phase.IN_PROGRESS
    return Capacity(**({"requested": requested, "ready": ready, "phase": phase, "observed_at": now} | changes))


def observation(requested: int = 0, proposed: float | None = 0.0, **changes: object) -> Observation:
    """A tick at noon with fresh metrics."""
    proposal = None if proposed is None else Proposal(proposed, "recent maximum")
    demand = {"freshness": DataFreshness.FRESH, "settled": True, "proposal": proposal, "data_age": timedelta(minutes=3)}
    return observed(**({"now": NOON, "reading": capacity(requested)} | demand | changes))


def observed(**values: object) -> Observation:
    """An observation of its fields and those of its two views."""
    views = {kind: {name: values.pop(name) for name in kind.__slots__ if name in values} for kind in (DemandView, CapacityView)}
    return Observation(demand=DemandView(**views[DemandView]), capacity=CapacityView(**views[CapacityView]), **values)


def demands(*pools):
    """Return the pools with the settings of their demand sources, as a provider gets them."""
    from adapters.kinds import demand_of
    return [(pool, demand_of(pool)) for pool in pools]
