"""Foreign writes: changes of a pool's capacity that Stoker did not make. Pure."""

from dataclasses import replace
from datetime import timedelta

from controller.decision.planning.observation import Observation
from controller.decision.planning.pool_state.state import PoolState, accepted

READ_AFTER_WRITE = timedelta(minutes=2)
"""A reading may lag this long behind a write; within it, a different value does not count as a foreign write."""

CLOCKS_APART = timedelta(minutes=2)
"""A scheduled change may take effect this much earlier by this daemon's clock."""


def detect_foreign_write(state: PoolState, seen: Observation) -> PoolState:
    """Return the state with a foreign write noted: the provider shows a value that it did not accept from Stoker."""
    capacity = seen.capacity.reading
    if capacity is None or state.written is None or seen.standby is not None:  # the leader's writes are not foreign
        return state
    if capacity.requested == state.written:
        return state if state.foreign_since is None else replace(state, foreign_since=None, foreign_requested=None)
    since = (state.written_at or seen.now) - CLOCKS_APART  # a change scheduled before the last write was replaced by it
    if capacity.requested in {units for at, units in (*state.scheduled_fallback, *state.pending_fallback)
                              if since <= at <= seen.now + CLOCKS_APART}:
        return accepted(state, capacity.requested, seen.now)
    if state.written_at is not None and seen.now - state.written_at < READ_AFTER_WRITE:
        return state
    if capacity.requested == state.foreign_requested:
        return state
    return replace(state, foreign_since=seen.now, foreign_requested=capacity.requested)
