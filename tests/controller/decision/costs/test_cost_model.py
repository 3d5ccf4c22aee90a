"""Prices and cost terms."""

from datetime import timedelta
from pathlib import Path

import pytest

from adapters.kinds import policy_kinds
from config.model.policy import Assume, Objective, PoolPolicy, PriceOverride
from controller.decision.costs.cost_model import MINUTES_A_MONTH, MOST_LOST, terms_of, whole_minutes
from tests.builders import pool_policy


def test_a_gigabyte_minute_has_the_list_price():
    terms = terms_of(pool_policy(memory_mb=2048), Assume())

    assert terms.idle == pytest.approx(2 * 60 * 4.1667e-6)
    assert terms.warm_busy == pytest.approx(2 * 60 * 9.7222e-6)
    assert terms.on_demand == pytest.approx(2 * 60 * 1.66667e-5)


def test_a_cold_start_costs_the_wait_and_its_billed_initialisation():
    terms = terms_of(pool_policy(memory_mb=1024, init_seconds=8.0), Assume())

    assert terms.cold == pytest.approx(0.05 + 8 * 1.66667e-5)


@pytest.mark.parametrize(("of_policy", "measured", "seconds"), [(4.0, 9.0, 4.0), (None, 0.5, 0.5), (None, None, 8.0)])
def test_a_price_per_second_is_the_price_of_a_cold_start_by_its_seconds(of_policy, measured, seconds):
    objective = Objective(cold_start_cost_usd_per_second=0.01)
    terms = terms_of(pool_policy(objective=objective, init_seconds=of_policy), Assume(), init_seconds=measured)

    assert terms.cold_start_cost_usd == pytest.approx(0.01 * seconds)
    assert terms.cold_start_cost_usd_per_second == 0.01
    assert terms_of(pool_policy(objective=Objective(cold_start_cost_usd=0.3)), Assume()).cold_start_cost_usd_per_second is None


def test_arm_has_a_lower_price():
    assert terms_of(pool_policy(), Assume(), architecture="arm64").idle < terms_of(pool_policy(), Assume()).idle


def test_policy_values_take_precedence_over_measured_ones():
    assert terms_of(pool_policy(init_seconds=3.0), Assume(), init_seconds=9.0).init_seconds == 3.0
    assert terms_of(pool_policy(init_seconds=None), Assume(), init_seconds=9.0).init_seconds == 9.0


def test_spans_are_rounded_up_to_minutes():
    assert whole_minutes(timedelta(seconds=150)) == 3
    assert whole_minutes(timedelta(minutes=2)) == 2


def pinged(**changes: object) -> PoolPolicy:
    lever = {"kind": "lambda-ping", "region": "us-east-1", "function": "agent", "alias": "live", "handler": "stoker"}
    plain = {"name": "agent", "lever": policy_kinds().levers["lambda-ping"].model_validate(lever), "max": 100, "memory_mb": 1024}
    return PoolPolicy.model_validate(plain | changes)


def test_a_pinged_unit_costs_its_pings_and_occasional_starts():
    terms = terms_of(pinged(init_seconds=8.0), Assume())
    pings = 0.25 * (0.075 * 1.66667e-5 + 0.2e-6)

    assert terms.idle == pytest.approx(pings + 8 * 1.66667e-5 / 120)


def test_a_learned_life_changes_the_starts_that_pings_pay_for_and_the_share_that_is_lost():
    terms = terms_of(pinged(init_seconds=8.0), Assume(), pinged_life=timedelta(hours=6))
    layered = terms_of(pool_policy(top=pinged().lever), Assume(), pinged_life=timedelta(hours=6))

    assert terms.idle == pytest.approx(0.25 * (0.075 * 1.66667e-5 + 0.2e-6) + 8 * 1.66667e-5 / 360)
    assert (layered.idle, layered.top.lost_share) == (terms_of(pool_policy(), Assume()).idle, pytest.approx(4 / 360))
    assert terms_of(pool_policy(top=pinged().lever), Assume(), pinged_life=timedelta(minutes=3)).top.lost_share == MOST_LOST


def test_pings_have_the_hold_and_the_pause_of_the_policy():
    slow = terms_of(pinged(lever=pinged().lever.model_copy(update={"hold_ms": 400, "pause": timedelta(minutes=10)})), Assume())

    assert (slow.pings.a_minute, slow.pings.seconds) == (0.1, 0.4)
    assert slow.idle == pytest.approx(0.1 * (0.4 * 1.66667e-5 + 0.2e-6) + 8 * 1.66667e-5 / 120)
    assert terms_of(pool_policy(), Assume()).pings is None


def test_pings_are_a_hundred_times_cheaper_than_provisioned_concurrency_and_make_no_work_cheaper():
    terms, provisioned = terms_of(pinged(), Assume()), terms_of(pool_policy(memory_mb=1024), Assume())

    assert 100 * terms.idle < provisioned.idle
    assert terms.warm_busy == terms.on_demand == provisioned.on_demand


def test_pings_have_the_work_price_of_the_policy():
    half = PriceOverride(idle=1.0, warm_busy=1.0, on_demand=1.66667e-5 / 2)

    idle = terms_of(pinged(prices=half, init_seconds=0.0), Assume()).idle
    assert idle == pytest.approx(0.25 * (0.075 * 1.66667e-5 / 2 + 0.2e-6))


def on_cloud_run(memory_mb=1024, **measured):
    from adapters.gcp.settings import CloudRunMinInstancesSettings

    settings = {"kind": "cloud-run-min-instances", "project": "acme", "location": "europe-west1", "service": "chat"}
    pool = pool_policy(memory_mb=memory_mb).model_copy(update={"lever": CloudRunMinInstancesSettings.model_validate(settings)})
    return terms_of(pool, Assume(), **measured)


def test_an_idle_cloud_run_instance_billed_by_request_costs_thirteen_dollars_a_month():
    terms = on_cloud_run(vcpus=1.0, billing="request")

    assert terms.idle * 60 * 730 == pytest.approx(13.14)
    assert terms.idle + terms.warm_busy == pytest.approx(terms.on_demand), "kept or not, work costs the same"


def test_processors_are_billed_separately_from_memory():
    small, large = on_cloud_run(vcpus=1.0, billing="request"), on_cloud_run(vcpus=4.0, billing="request")

    assert large.on_demand - small.on_demand == pytest.approx(3 * 60 * 2.4e-5)


def test_a_gpu_costs_the_same_idle_and_at_work():
    terms = on_cloud_run(16 * 1024, vcpus=4.0, billing="instance nvidia-l4 zonal")
    cheaper = on_cloud_run(16 * 1024, vcpus=4.0, billing="instance nvidia-l4")

    assert terms.idle == pytest.approx(terms.on_demand)
    assert terms.warm_busy == 0
    assert cheaper.idle * 60 == pytest.approx(1.0465, rel=1e-3)


def test_every_gpu_that_the_lever_calls_priced_has_a_price():
    from adapters.gcp.run.min_instances import PRICED
    from controller.decision.costs.cost_model import RATES

    rows = RATES["cloud-run-min-instances"]
    assert all({f"instance {gpu}", f"instance {gpu} zonal"} <= set(rows) for gpu in PRICED if gpu)
    assert {"request", "instance"} <= set(rows)


def test_the_page_on_layers_has_the_prices_of_the_table():
    page = (Path(__file__).parents[4] / "docs" / "layers.md").read_text()
    address = {"region": "us-east-1", "function": "a", "alias": "live"}
    levers = {"lambda-provisioned-concurrency": address, "lambda-ping": address | {"handler": "stoker"},
              "cloud-run-min-instances": {"project": "acme-project", "location": "us-east1", "service": "a"},
              "http-ping": {"url": "https://a.example"}}
    row = next(line for line in page.splitlines() if line.startswith("| price of an idle unit"))
    for kind, settings in levers.items():
        lever = policy_kinds().levers[kind].model_validate({"kind": kind} | settings)
        idle = terms_of(PoolPolicy(name="a", lever=lever, max=1, memory_mb=1024), Assume(), init_seconds=8.0).idle
        assert f"{idle * MINUTES_A_MONTH:.2f} USD" in row, kind
