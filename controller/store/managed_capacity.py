"""What the store knows of the units that Stoker set: by which lever each pool did, and which of those pools are gone. Pure.

The state of a pool holds how many units it set, and not where; so the levers of active pools are kept beside it. A pool that the
policy names no more is an orphan, unless another pool has its resource: its units stay at the provider, and are billed.
"""

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from config.model.lever import LeverSettings
from config.model.policy import PoolPolicy
from controller.decision.planning.pool_state import PoolState
from controller.store.codec import dump_state, load_state

Kinds = Mapping[str, type[LeverSettings]]
Address = tuple[str, str]
"""Kind and resource of a lever: what two pools must not share."""


@dataclass(frozen=True, slots=True)
class Orphan:
    """A pool as it was when the policy last named it. `since`: when it was found to be gone. `requested`: what the provider last
    showed; `error`: why it could not be read since.
    """

    pool: str
    lever: LeverSettings
    state: PoolState
    since: datetime
    requested: int | None = None
    error: str | None = None

    @property
    def units(self) -> int:
        """What is requested, as last shown or else as Stoker set it."""
        return max(left(self.state)) if self.requested is None else self.requested

    def after(self, requested: int) -> "Orphan | None":
        """After a reading; None when what Stoker left is there no more: given back, or set to something else by others."""
        if not requested or requested not in left(self.state):
            return None
        return replace(self, requested=requested, error=None)

    def name_beside(self, pools: Container[str]) -> str:
        """Its name, or another one where a pool of the policy has that by now."""
        return f"{self.pool[:72]}.orphan" if self.pool in pools else self.pool


@dataclass(frozen=True, slots=True)
class Held:
    """`levers`: by pool, of those that may have set something. `orphans`: those that are in the policy no more."""

    levers: Mapping[str, LeverSettings] = field(default_factory=dict)
    orphans: tuple[Orphan, ...] = ()


def address(lever: LeverSettings) -> Address:
    """What tells a resource from others."""
    return lever.kind, lever.resource


def left(state: PoolState) -> set[int]:
    """The units that Stoker may have left: what it set last, meant to set, or told the provider to go to later; 0 for nothing."""
    later = (units for _, units in (*state.scheduled_fallback, *state.pending_fallback, *state.unconfirmed_writes))
    return {state.written or 0, state.intent or 0, *later}


def taken_over(held: Held, pools: Mapping[str, PoolPolicy], states: Mapping[str, PoolState],
               now: datetime) -> tuple[Held, dict[str, PoolState]]:
    """What is held from now on, and the states of pools by their keys. A pool under another name takes over the state of its
    resource, and a pool with another resource begins anew.
    """
    here = {address(pool.lever) for pool in pools.values()}
    gone = {address(lever): states[name] for name, lever in held.levers.items()
            if name in states and (name not in pools or address(pools[name].lever) != address(lever))}
    gone |= {address(each.lever): each.state for each in held.orphans}
    kept = {name: state for name, state in states.items()
            if name not in pools or name not in held.levers or address(held.levers[name]) == address(pools[name].lever)}
    for name, pool in pools.items():
        if pool.mode == "active" and name not in kept and address(pool.lever) in gone:
            kept[name] = gone[address(pool.lever)]
    orphans = {address(each.lever): each for each in held.orphans if address(each.lever) not in here}
    for name, lever in held.levers.items():
        if address(lever) in gone and address(lever) not in here and max(left(gone[address(lever)])) > 0:
            orphans.setdefault(address(lever), Orphan(name, lever, gone[address(lever)], now))
    levers = {name: pool.lever for name, pool in pools.items() if pool.lever.persists and (
        pool.mode == "active" or (name in held.levers and address(held.levers[name]) == address(pool.lever)))}
    return Held(levers, tuple(orphans.values())), kept


def dumped(held: Held) -> bytes:
    """As it is stored."""
    orphans = [{"pool": each.pool, "lever": each.lever.model_dump(mode="json"), "state": dump_state(each.state),
                "intent": each.state.intent, "since": each.since.isoformat(), "requested": each.requested}
               for each in held.orphans]
    levers = {name: lever.model_dump(mode="json") for name, lever in held.levers.items()}
    return json.dumps({"levers": levers, "orphans": orphans}, separators=(",", ":")).encode()


def loaded(body: bytes | None, kinds: Kinds) -> Held:
    """What `dumped` wrote; entries that cannot be read, such as those of a lever that is not installed, are left out."""
    try:
        stored = json.loads(body or b"{}")
        levers, orphans = dict(stored.get("levers", {})), list(stored.get("orphans", []))
    except (ValueError, TypeError, AttributeError):
        return Held()
    read = {name: lever for name, each in levers.items() if (lever := _lever(each, kinds)) is not None}
    return Held(read, tuple(each for body in orphans if (each := _orphan(body, kinds)) is not None))


def _lever(body: Any, kinds: Kinds) -> LeverSettings | None:  # noqa: ANN401
    try:
        return kinds[body["kind"]].model_validate_json(json.dumps(body))
    except (KeyError, TypeError, ValueError):
        return None


def _orphan(body: Any, kinds: Kinds) -> Orphan | None:  # noqa: ANN401
    try:
        lever = _lever(body["lever"], kinds)
        state = load_state(body["state"], body["intent"])
        since = datetime.fromisoformat(body["since"])
        return None if lever is None else Orphan(str(body["pool"]), lever, state, since, body.get("requested"))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
