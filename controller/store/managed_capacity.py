"""Units that Stoker set: the lever of each pool that set them, and orphans. Pure.

The state of a pool contains how many units were set, but not at which resource, so the levers of active pools are stored with it.
A pool that is no longer in the policy is an orphan, unless another pool has its resource: its units stay at the provider and are
billed.
"""

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from config.model.credentials import Credentials
from config.model.lever import Address, LeverSettings, address
from config.model.policy import PoolPolicy
from controller.decision.planning.pool_state.state import PoolState
from controller.store.codec import dump_state, load_state

Kinds = Mapping[str, type[LeverSettings]]


@dataclass(frozen=True, slots=True)
class Orphan:
    """Pool that was removed from the policy while its units may still exist. `since`: when that was detected. `requested`: last
    reading of the provider; None before the first. `error`: why the last reading failed.
    """

    pool: str
    lever: LeverSettings
    state: PoolState
    since: datetime
    requested: int | None = None
    error: str | None = None
    credentials: Credentials | None = None
    """Those of the pool, with which the provider is read and the units are released."""

    @property
    def address(self) -> Address:
        """Return the address of the number that the lever sets."""
        return address(self.lever, self.credentials)

    @property
    def account(self) -> str | None:
        """Return the AWS account of the credentials; None for the account of the daemon and for other clouds."""
        return self.address[2] or None

    @property
    def units(self) -> int:
        """Requested units by the last reading, or else the maximum that Stoker may have left."""
        return max(units_left(self.state)) if self.requested is None else self.requested

    def after(self, requested: int) -> "Orphan | None":
        """Return the orphan after a reading; None when it is resolved, because the units are 0 or another party set another
        number.
        """
        if not requested or requested not in units_left(self.state):
            return None
        return replace(self, requested=requested, error=None)

    def name_beside(self, pools: Container[str]) -> str:
        """Return the orphan's name; with a suffix when a pool of the policy has the same name."""
        return f"{self.pool[:72]}.orphan" if self.pool in pools else self.pool


@dataclass(frozen=True, slots=True)
class Held:
    """Pools that may have set units. `levers`: by pool, those of the policy. `orphans`: pools no longer in the policy.
    `credentials`: by pool, those of the policy, for pools that have any.
    """

    levers: Mapping[str, LeverSettings] = field(default_factory=dict)
    orphans: tuple[Orphan, ...] = ()
    credentials: Mapping[str, Credentials] = field(default_factory=dict)

    def addresses(self) -> dict[str, Address]:
        """Return the address of each lever, by pool."""
        return {name: address(lever, self.credentials.get(name)) for name, lever in self.levers.items()}


def units_left(state: PoolState) -> set[int]:
    """Return the numbers of units that Stoker may have left: the last write, the intent and scheduled fallbacks; 0 for none."""
    later = (units for _, units in (*state.scheduled_fallback, *state.pending_fallback, *state.unconfirmed_writes))
    return {state.written or 0, state.intent or 0, *later}


def taken_over(held: Held, pools: Mapping[str, PoolPolicy], states: Mapping[str, PoolState],
               now: datetime) -> tuple[Held, dict[str, PoolState]]:
    """Return the managed capacity under the policy `pools`, and the states of its pools by state key. A renamed pool takes over
    the state of its resource. A pool with another resource starts without a state.
    """
    before, after = held.addresses(), {name: address(pool.lever, pool.credentials) for name, pool in pools.items()}
    in_policy = set(after.values())
    free = {at: states[name] for name, at in before.items() if name in states and after.get(name) != at}
    free |= {each.address: each.state for each in held.orphans}
    assigned = {name: state for name, state in states.items()
                if name not in pools or name not in before or before[name] == after[name]}
    for name, pool in pools.items():
        if pool.mode == "active" and name not in assigned and after[name] in free:
            assigned[name] = free[after[name]]
    orphans = {each.address: each for each in held.orphans if each.address not in in_policy}
    for name, at in before.items():
        if at in free and at not in in_policy and max(units_left(free[at])) > 0:
            orphans.setdefault(at, Orphan(name, held.levers[name], free[at], now, credentials=held.credentials.get(name)))
    levers = {name: pool.lever for name, pool in pools.items() if pool.lever.persists and (
        pool.mode == "active" or before.get(name) == after[name])}
    credentials = {name: own for name in levers if (own := pools[name].credentials) is not None}
    return Held(levers, tuple(orphans.values()), credentials), assigned


def dumped(held: Held) -> bytes:
    """Return `held` as stored bytes."""
    orphans = [{"pool": each.pool, "lever": each.lever.model_dump(mode="json"), "state": dump_state(each.state),
                "intent": each.state.intent, "since": each.since.isoformat(), "requested": each.requested,
                "credentials": None if each.credentials is None else each.credentials.model_dump(exclude_none=True)}
               for each in held.orphans]
    levers = {name: lever.model_dump(mode="json") for name, lever in held.levers.items()}
    credentials = {name: each.model_dump(exclude_none=True) for name, each in held.credentials.items()}
    return json.dumps({"levers": levers, "orphans": orphans, "credentials": credentials}, separators=(",", ":")).encode()


def loaded(body: bytes | None, kinds: Kinds) -> Held:
    """Return what `dumped` wrote. Unreadable entries, such as those of a lever that is not installed, are skipped."""
    try:
        stored = json.loads(body or b"{}")
        levers, orphans = dict(stored.get("levers", {})), list(stored.get("orphans", []))
        given = dict(stored.get("credentials", {}))
    except (ValueError, TypeError, AttributeError):
        return Held()
    try:
        credentials = {str(name): Credentials.model_validate(each) for name, each in given.items()}
    except ValueError:
        return Held()
    read = {name: lever for name, each in levers.items() if (lever := _lever(each, kinds)) is not None}
    return Held(read, tuple(each for body in orphans if (each := _orphan(body, kinds)) is not None), credentials)


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
        own = None if body.get("credentials") is None else Credentials.model_validate(body["credentials"])
        return None if lever is None else Orphan(str(body["pool"]), lever, state, since, body.get("requested"), credentials=own)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
