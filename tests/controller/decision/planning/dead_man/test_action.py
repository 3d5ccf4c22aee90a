"""Actions of the dead man's switch, by the facts of a pool."""

from dataclasses import replace
from datetime import timedelta

import pytest

from config.model.dead_man import DeadMan
from config.model.schedule import Schedule
from controller.decision.planning.dead_man.action import FallbackAction, FallbackInputs, action_due, is_late, spread
from controller.decision.planning.pool_state.state import PoolState
from tests.builders import NOON, capacity, pool_policy

MINUTE = timedelta(minutes=1)
AFTER = timedelta(minutes=30)
POLICY = pool_policy(dead_man=DeadMan(after=AFTER))
SET = PoolState(written=5)
NEW = replace(SET, scheduled_fallback=((NOON + AFTER, 1),))
OLD = replace(SET, scheduled_fallback=((NOON + AFTER / 2, 1),))
PENDING = replace(SET, pending_fallback=((NOON + AFTER, 1),))


def pool(state, reading=None, policy=POLICY, **facts):
    return FallbackInputs(policy, state, reading or capacity(5), **facts)


@pytest.mark.parametrize(("facts", "action"), [
    (pool(SET), FallbackAction.ARM),
    (pool(PENDING), FallbackAction.ARM),
    (pool(SET, is_readable=False), None),
    (replace(pool(SET), capacity=None), None),
    (pool(NEW), None),
    (pool(OLD), FallbackAction.RENEW),
    (pool(OLD, is_readable=False), FallbackAction.RENEW),
    (replace(pool(OLD), capacity=None), None),
    (pool(replace(SET, scheduled_fallback=((NOON + 2 * AFTER, 1),))), FallbackAction.RENEW),
    (pool(replace(SET, scheduled_fallback=((NOON + AFTER, 2),))), FallbackAction.RENEW),
    (pool(NEW, has_new_plan=True), FallbackAction.RENEW),
    (pool(NEW, may_raise=True), None),
    (pool(NEW, has_override=True), None),
    (pool(NEW, may_raise=True, has_override=True), FallbackAction.RENEW),
    (pool(PoolState()), None),
    (pool(PoolState(), was_sent=False), FallbackAction.DISARM),
    (replace(pool(PoolState(), was_sent=False), capacity=None), None),
    (pool(replace(NEW, foreign_since=NOON)), FallbackAction.DISARM),
    (pool(NEW, capacity(5, foreign_owner="another autoscaler")), FallbackAction.DISARM),
    (pool(replace(PENDING, foreign_since=NOON)), FallbackAction.DISARM),
    (pool(SET, policy=pool_policy(), was_sent=False), None),
    (pool(NEW, policy=pool_policy()), FallbackAction.DISARM),
])
def test_the_action_follows_from_the_facts(facts, action):
    assert action_due(facts, NOON) is action


def test_a_floor_that_a_schedule_raises_is_sent_at_once():
    schedule = Schedule(cron="0 12 * * *", timezone="UTC", duration=timedelta(hours=2), min=3)
    policy = pool_policy(dead_man=DeadMan(after=AFTER), schedules=(schedule,))

    assert action_due(pool(NEW, policy=policy), NOON) is FallbackAction.RENEW


def test_renewals_are_spread_over_a_sixth_of_the_period():
    due = [next(minute for minute in range(31) if action_due(pool(NEW, policy=pool_policy(
        name=f"p{at}", dead_man=DeadMan(after=AFTER))), NOON + minute * MINUTE)) for at in range(60)]

    assert (min(due), max(due)) == (11, 15)
    assert spread("p1", AFTER) == spread("p1", AFTER) != spread("p2", AFTER)


@pytest.mark.parametrize(("left", "late"), [(AFTER, False), (AFTER / 6, False), (4 * MINUTE, True), (-MINUTE, True)])
def test_a_fallback_is_late_in_the_last_sixth_of_its_period(left, late):
    state = replace(SET, scheduled_fallback=((NOON + left, 1),))

    assert is_late(POLICY, state, NOON) is late
    assert not is_late(pool_policy(), state, NOON)
