"""A draft policy is one that the loader takes, whatever things are called and whatever is known of them."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.aws.settings import LambdaProvisionedConcurrencySettings
from adapters.kinds import policy_kinds
from adapters.ports.demand_source import Telemetry
from adapters.ports.discovery import Found, Skipped, Survey
from config.loading.loader import load_policy
from config.model.credentials import Credentials
from controller.preflight.discovery import (
    ObservedUsage,
    draft,
    draft_json,
    ping_price_share,
    pools_of,
    proposed,
    usage_in,
    usage_of,
)
from forecasting.demand import DemandSeries
from tests.builders import NOON

SIX = timedelta(minutes=6)
NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,140}", fullmatch=True)


def found(function: str, alias: str = "live") -> Found:
    settings = {"kind": "lambda-provisioned-concurrency", "region": "us-east-1", "function": function, "alias": alias}
    return Found(function, LambdaProvisionedConcurrencySettings.model_validate(settings), "1024 MB\n- name: x")


def series(*peaks: float) -> DemandSeries:
    peak = np.array(peaks, np.float32)
    return DemandSeries(0, peak, peak / 2, peak * 3)


AWKWARD = ["true", "null", "12", "1e3", "0x1", "on", "_a", "a", "nan", "Inf", "-", "0o7", "1_0"]


@given(st.lists(NAMES, min_size=1, max_size=6, unique=True) | st.just(AWKWARD), st.floats(0.1, 900))
def test_any_resource_names_make_a_valid_policy(tmp_path_factory, names, peak):
    pools = pools_of([Survey(tuple(found(name) for name in names), ())])
    seen = {pool.name: ObservedUsage(peak, 10.0, 1.0, 1.0) for pool, _ in pools}
    path = tmp_path_factory.mktemp("draft") / "policy.yaml"
    path.write_text(draft(*proposed(pools, seen), "stoker discover", NOON))
    policy = load_policy(path, policy_kinds())

    assert sorted(pool.lever.function for pool in policy.pools) == sorted(names)
    assert {pool.mode for pool in policy.pools} == {"shadow"}
    assert all(pool.max >= peak for pool in policy.pools)


def test_unknown_minutes_count_in_nothing():
    known = usage_in(series(2, 2, 2, 2), SIX)
    gappy = usage_in(series(2, np.nan, 2, np.nan), SIX)

    assert gappy.invocations_a_day == pytest.approx(known.invocations_a_day)
    assert gappy.known == 0.5


def test_cold_starts_are_those_of_on_demand_alone():
    quiet = [0.0] * 10
    assert usage_in(series(3, *quiet, 3, 3, *quiet), SIX).cold_starts_a_day == pytest.approx(6 * 1440 / 23)


@pytest.mark.parametrize(("rows", "why"), [(series(np.nan, np.nan), "no metrics"), (series(0, 0), "no request")])
def test_without_traffic_there_is_a_reason_and_no_pool(rows, why):
    usage = usage_of(Telemetry(rows), SIX)

    assert isinstance(usage, str)
    assert why in usage


def test_the_pool_with_most_cold_starts_comes_first():
    pools = pools_of([Survey((found("a"), found("b")), (Skipped("c", "x"),))])
    ordered, _ = proposed(pools, {"a": ObservedUsage(1, 1, 1, 1), "b": ObservedUsage(1, 1, 9, 1)})

    assert [each.name for each in ordered] == ["b", "a"]


def warmed(users, days=2):
    """Three pings every five minutes, and in the afternoon users."""
    counts = np.zeros(days * 1440, np.float32)
    counts[::5] = 3
    minutes = np.arange(len(counts)) % 1440
    counts += np.where((minutes >= 720) & (minutes < 1080), users, 0)
    return Telemetry(DemandSeries(0, counts, counts * np.float32(0.1 / 60), counts))


def test_a_warmer_is_named_and_its_requests_do_not_count():
    usage = usage_of(warmed(20), SIX)
    text = draft(*proposed(pools_of([Survey((found("a"),), ())]), {"a": usage}), "stoker discover", NOON)

    assert usage.warmer.text == "3 requests every 5 min"
    assert 20 <= usage.peak <= 23, "the most that users can have had where the warmer called too"
    assert usage.invocations_a_day == 20 * 360
    assert "# 3 requests every 5 min with almost no work look like a warmer" in text
    assert "    warmer: {every: 5m, requests: 3}" in text


def test_a_resource_called_only_by_a_warmer_is_left_out():
    assert "3 requests every 5 min with almost no work, which look like a warmer" in usage_of(warmed(0), SIX)


def test_a_draft_with_a_warmer_loads(tmp_path):
    path = tmp_path / "policy.yaml"
    seen = {"a": usage_of(warmed(20), SIX)}
    path.write_text(draft(*proposed(pools_of([Survey((found("a"),), ())]), seen), "stoker discover", NOON))

    (pool,) = load_policy(path, policy_kinds()).pools
    assert (pool.warmer.minutes, pool.warmer.requests) == (5, 3)


def test_a_pool_with_provisioned_concurrency_has_the_hint_that_pings_cost_less_than_a_hundredth():
    [(pool, resource)] = pools_of([Survey((found("chat"),), ())])
    usage = {pool.name: ObservedUsage(9, 10.0, 1.0, 1.0)}
    text = draft(*proposed([(pool, resource)], usage), "stoker discover", NOON)
    [share] = [each["ping_price_share"] for each in draft_json(*proposed([(pool, resource)], usage))["pools"]]
    round_usd = 0.25 * (0.1 * 1.66667e-5 + 0.2e-6) + 8 * 1.66667e-5 / 120  # a ping every 4 min; a start every 2 h

    assert share == pytest.approx(round_usd / (60 * 4.1667e-6))
    assert share < 0.01
    assert "# if you may change the handler: use layers (docs/layers.md), since pings above this lever keep a unit warm" in text
    assert "0.6% of its price; compare with stoker backtest --levers" in text


def test_a_service_without_that_lever_has_no_hint():
    other = policy_kinds().levers["cloud-run-min-instances"].model_validate(
        {"kind": "cloud-run-min-instances", "project": "acme", "location": "europe-west1", "service": "chat"})

    assert ping_price_share(Found("chat", other, "")) is None


def test_pools_of_roles_have_their_credentials_and_the_account_in_a_name_that_is_taken(tmp_path):
    roles = [Credentials(role_arn=f"arn:aws:iam::{account}:role/stoker", external_id="known-id")
             for account in ("111122223333", "444455556666")]
    surveys = [Survey((found("agent"),), ()), *(Survey((replace(found("agent"), credentials=role),), ()) for role in roles)]
    pools = pools_of(surveys)
    seen = {pool.name: ObservedUsage(2.0, 10.0, 1.0, 1.0) for pool, _ in pools}
    path = tmp_path / "policy.yaml"
    path.write_text(draft(*proposed(pools, seen), "stoker discover", NOON))
    policy = load_policy(path, policy_kinds())

    assert {pool.name: pool.credentials for pool in policy.pools} == {
        "agent": None, "agent-111122223333": roles[0], "agent-444455556666": roles[1]}
