"""Outcome of writes that no reading has confirmed yet, such as one during which the daemon stopped. Pure."""

from dataclasses import replace
from datetime import timedelta

from controller.decision.planning.observation import Observation
from controller.decision.planning.pool_state.state import PoolState, accepted
from controller.decision.planning.scale_in_guardrails import unbroken

UNCONFIRMED_FOR = timedelta(minutes=15)
"""A write that a reading did not show may still take effect this long after that reading."""


def resolve_intent(state: PoolState, seen: Observation) -> PoolState:
    """Return the state with the outcome of unconfirmed writes: a write that the reading shows has happened, even if late."""
    capacity, now = seen.capacity.reading, seen.now
    if capacity is None or (state.intent is None and not state.unconfirmed_writes):
        return state
    shown = capacity.requested
    unconfirmed = tuple((at, units) for at, units in state.unconfirmed_writes if now - at < UNCONFIRMED_FOR)
    is_late = shown != state.written and shown in {units for _, units in unconfirmed}
    if state.intent not in (None, shown):
        unconfirmed = (*unconfirmed, (now, state.intent))
    without_intent = replace(state, intent=None, unconfirmed_writes=unconfirmed)
    if shown != state.intent and not is_late:
        return without_intent
    after = accepted(without_intent, shown, now)
    if shown <= (state.written or 0):
        return after
    # The recommendation for this raise may have been lost in a crash; the raise proves that there was one.
    return replace(after, recommendations=(*unbroken(state.recommendations, now), (now, shown)))
