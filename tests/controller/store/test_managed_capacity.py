"""Orphans, and the states that renamed pools take over, from the policy, stored states and stored levers."""

import json
from datetime import timedelta

import pytest

from adapters.kinds import policy_kinds
from config.model.credentials import Credentials
from config.model.policy import PoolPolicy
from controller.decision.planning.pool_state.state import PoolState
from controller.store.managed_capacity import Held, Orphan, dumped, loaded, taken_over
from tests.builders import NOON

KINDS = policy_kinds().levers


def lever(function: str):
    return KINDS["lambda-provisioned-concurrency"].model_validate(
        {"kind": "lambda-provisioned-concurrency", "region": "us-east-1", "function": function, "alias": "live"})


def pinged(function: str):
    return KINDS["lambda-ping"].model_validate(
        {"kind": "lambda-ping", "region": "us-east-1", "function": function, "alias": "live", "handler": "stoker"})


def pools(mode: str = "active", **levers) -> dict[str, PoolPolicy]:
    return {name: PoolPolicy(name=name, mode=mode, max=9, lever=each) for name, each in levers.items()}


FIVE = PoolState(written=5, original_requested=2)
BOTH = Held({"a": lever("a"), "b": lever("b")})
STATES = {"a": FIVE, "b": PoolState(written=3)}


def test_a_pool_removed_from_the_policy_is_an_orphan_with_its_units():
    held, _ = taken_over(BOTH, pools(b=lever("b")), STATES, NOON)

    assert held.orphans == (Orphan("a", lever("a"), FIVE, NOON),)
    assert held.orphans[0].units == 5
    assert held.levers == {"b": lever("b")}


def test_an_orphan_survives_restarts_until_its_resource_is_in_the_policy():
    once, _ = taken_over(BOTH, pools(b=lever("b")), STATES, NOON)
    later, _ = taken_over(loaded(dumped(once), KINDS), pools(b=lever("b")), STATES, NOON + timedelta(days=1))
    back, states = taken_over(later, pools(a=lever("a"), b=lever("b")), STATES, NOON)

    assert later.orphans == once.orphans, "since when stays"
    assert back.orphans == ()
    assert states["a"] == FIVE


def test_a_renamed_pool_is_no_orphan_and_keeps_its_state():
    held, states = taken_over(BOTH, pools(renamed=lever("a"), b=lever("b")), STATES, NOON)

    assert held.orphans == ()
    assert states["renamed"] == FIVE
    assert held.levers["renamed"] == lever("a")


def test_a_pool_with_another_resource_leaves_an_orphan_and_starts_without_state():
    held, states = taken_over(BOTH, pools(a=lever("other"), b=lever("b")), STATES, NOON)
    (orphan,) = held.orphans
    back, again = taken_over(held, pools(a=lever("a"), b=lever("b")), {**STATES, "a": PoolState(written=7)}, NOON)

    assert (orphan.pool, orphan.lever, orphan.units) == ("a", lever("a"), 5)
    assert "a" not in states
    assert again["a"] == FIVE, "of the resource, and not of the name"
    assert [(each.lever, each.units) for each in back.orphans] == [(lever("other"), 7)]


def test_pools_that_swap_names_keep_the_states_of_their_resources():
    _, states = taken_over(BOTH, pools(a=lever("b"), b=lever("a")), STATES, NOON)

    assert (states["a"].written, states["b"].written) == (3, 5)


@pytest.mark.parametrize(("state", "orphan"), [
    (PoolState(), False), (PoolState(written=0), False), (PoolState(written=5), True), (PoolState(intent=4), True),
    (PoolState(written=0, scheduled_fallback=((NOON, 2),)), True),
])
def test_only_a_pool_that_may_have_left_units_is_an_orphan(state, orphan):
    held, _ = taken_over(BOTH, pools(b=lever("b")), {"a": state}, NOON)

    assert bool(held.orphans) is orphan


def test_shadow_pools_and_pinging_pools_are_never_orphans():
    held, _ = taken_over(Held(), {**pools("shadow", a=lever("a")), **pools(p=pinged("p"))}, {}, NOON)
    gone, _ = taken_over(held, pools(b=lever("b")), {"a (shadow)": FIVE, "a": FIVE, "p": FIVE}, NOON)

    assert held.levers == {}
    assert gone.orphans == ()


def test_an_active_pool_set_to_shadow_and_then_removed_is_an_orphan():
    shadow, _ = taken_over(BOTH, {**pools("shadow", a=lever("a")), **pools(b=lever("b"))}, STATES, NOON)
    gone, _ = taken_over(shadow, pools(b=lever("b")), STATES, NOON)

    assert shadow.orphans == ()
    assert [each.pool for each in gone.orphans] == ["a"]


@pytest.mark.parametrize(("requested", "left"), [(5, 5), (0, None), (4, None), (9, None), (2, 2)])
def test_an_orphan_is_resolved_at_zero_units_or_after_a_foreign_write(requested, left):
    now = Orphan("a", lever("a"), PoolState(written=5, scheduled_fallback=((NOON, 2),)), NOON).after(requested)

    assert (None if now is None else now.units) == left


@pytest.mark.parametrize("body", [
    None, b"", b"[]", b"{", b"null", b'{"levers": 3}', b'{"levers": {"a": {"kind": "gone"}}, "orphans": [3, {}]}',
    b'{"levers": {"a": {"kind": "lambda-provisioned-concurrency"}}}',
])
def test_unreadable_entries_are_skipped(body):
    assert loaded(body, KINDS) == Held()


def test_readable_entries_are_kept_next_to_unreadable_ones():
    body = json.loads(dumped(BOTH))
    body["levers"]["b"] = {"kind": "of-a-plugin-that-is-gone"}

    assert loaded(json.dumps(body).encode(), KINDS).levers == {"a": lever("a")}


def test_an_orphan_gets_a_suffix_if_a_pool_has_its_name():
    orphan = Orphan("a" * 80, lever("a"), FIVE, NOON)

    assert orphan.name_beside(()) == "a" * 80
    assert orphan.name_beside({"a" * 80}) == "a" * 72 + ".orphan"


ROLE = Credentials(role_arn="arn:aws:iam::111122223333:role/stoker", external_id="known-id")


def test_one_function_name_in_two_accounts_has_two_states():
    before = Held({"a": lever("f"), "b": lever("f")}, credentials={"a": ROLE})
    in_account = {name: pool.model_copy(update={"credentials": before.credentials.get(name)})
                  for name, pool in pools(a=lever("f"), b=lever("f")).items()}

    held, states = taken_over(before, in_account, STATES, NOON)

    assert (held.orphans, states) == ((), STATES)
    assert held.credentials == {"a": ROLE}


def test_an_orphan_keeps_the_credentials_of_its_pool_across_restarts():
    held, _ = taken_over(Held({"a": lever("a")}, credentials={"a": ROLE}), pools(b=lever("b")), STATES, NOON)

    assert held.orphans[0].credentials == ROLE
    assert loaded(dumped(held), KINDS) == held


def test_a_pool_that_moves_to_another_account_leaves_an_orphan_and_starts_without_a_state():
    moved = {"a": pools(a=lever("a"))["a"].model_copy(update={"credentials": ROLE})}
    held, states = taken_over(Held({"a": lever("a")}), moved, {"a": FIVE}, NOON)

    assert [(each.pool, each.credentials) for each in held.orphans] == [("a", None)]
    assert "a" not in states


def test_stored_credentials_that_cannot_be_read_do_not_stop_a_start():
    assert loaded(b'{"levers": {}, "orphans": [], "credentials": {"a": {"role_arn": "x"}}}', KINDS) == Held()
