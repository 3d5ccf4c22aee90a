"""Objections to a change of provisioned concurrency, and the units that an account allows."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.aws.lambda_.functions import Alias, Function, Provisioned, most_allowed, objection
from adapters.ports.errors import Conflict, Unsupported
from adapters.ports.lever import Phase

PLAIN = Function(1024, "x86_64", "Active", "", updating=False, snap_start=False, managed_instances=False)
READY = Provisioned(5, 5, 5)
BROKEN = Provisioned(5, 0, 0, Phase.FAILED, "FUNCTION_ERROR_INIT_FAILURE")


def test_a_plain_alias_has_no_objection():
    assert objection("agent:live", Alias("3"), PLAIN, READY) is None


@pytest.mark.parametrize(("alias", "function", "provisioned", "kind", "needle"), [
    (Alias("$LATEST"), PLAIN, READY, Unsupported, "publish a version"),
    (Alias("3", (("2", 1.0),)), PLAIN, READY, Conflict, "version 3 and 2 (100%)"),
    (Alias("3", (("2", 1.0),)), PLAIN, BROKEN, Conflict, "stuck between version 3"),
    (Alias("3"), replace(PLAIN, snap_start=True), READY, Unsupported, "SnapStart"),
    (Alias("3"), replace(PLAIN, managed_instances=True), READY, Unsupported, "Managed Instances"),
    (Alias("3"), replace(PLAIN, state="Pending"), READY, Conflict, "being deployed"),
    (Alias("3"), replace(PLAIN, updating=True), READY, Conflict, "being deployed"),
    (Alias("3"), replace(PLAIN, state="Failed", state_reason="no role"), READY, Conflict, "no role"),
])
def test_states_that_aws_refuses_are_objections(alias, function, provisioned, kind, needle):
    error = objection("agent:live", alias, function, provisioned)

    assert type(error) is kind
    assert needle in str(error)
    assert "agent:live" in str(error)


def test_a_failed_initialisation_alone_forbids_nothing():
    """A new version may work; the plan decides whether to try again."""
    assert objection("agent:live", Alias("3"), PLAIN, BROKEN) is None
    assert "initialisation fails" in BROKEN.detail


@pytest.mark.parametrize(("counted", "name"), [(True, "subtracted"), (False, "not subtracted")])
@given(limit=st.integers(200, 2000), others=st.integers(0, 100), current=st.integers(0, 100), more=st.integers(1, 5000))
def test_the_allowed_units_are_correct_in_both_ways_of_counting(counted, name, limit, others, current, more):
    floor = 100
    room = limit - floor - others
    current = min(current, max(0, room))
    target = max(room, 0) + more
    unreserved = limit - (others + current if counted else 0)

    allowed = most_allowed(target, current, unreserved, floor, others)

    assert 0 <= allowed < target
    if counted or current + others == 0:
        assert allowed == max(room, 0, current)
    else:
        assert allowed >= min(max(room, 0), target - 1), "never less than what would have been accepted"


def test_configuration_is_read_from_the_answer():
    shown = {"MemorySize": 2048, "Architectures": ["arm64"], "State": "Active", "LastUpdateStatus": "Successful",
             "SnapStart": {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}}

    function = Function.of(shown, 30)

    assert (function.memory_mb, function.architecture, function.snap_start, function.reserved) == (2048, "arm64", True, 30)


def test_an_answer_without_its_number_is_an_error_and_not_zero():
    with pytest.raises(KeyError):
        Provisioned.of({"Status": "READY"})
    with pytest.raises(ValueError, match="ASLEEP"):
        Provisioned.of({"RequestedProvisionedConcurrentExecutions": 3, "Status": "ASLEEP"})


@pytest.mark.parametrize(("status", "before", "available"), [
    ("READY", None, 9), ("IN_PROGRESS", Provisioned(5, 5, 5), 5), ("IN_PROGRESS", Provisioned(12, 12, 12), 9),
])
def test_available_units_follow_from_status_or_the_previous_value(status, before, available):
    """The answer to a Put may lack Available: an earlier allocation continues to serve."""
    answer = {"RequestedProvisionedConcurrentExecutions": 9, "Status": status}

    assert Provisioned.of(answer, before).available == available


def test_while_an_allocation_is_in_progress_an_unknown_number_available_is_an_error_and_not_zero():
    with pytest.raises(KeyError, match="Available"):
        Provisioned.of({"RequestedProvisionedConcurrentExecutions": 9, "Status": "IN_PROGRESS"})
