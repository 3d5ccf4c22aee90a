"""Report of Cloud Run services."""

import pytest

from adapters.sandbox.gcp.report import PRICES, REQUEST_USD, reports
from tests.adapters.sandbox.gcp.ground import Ground, flat


async def test_without_a_minimum_only_work_and_requests_are_billed():
    async with Ground(flat(2, 60, 120, each=10)) as ground:
        await ground.passes(minutes=60)
        (report,) = reports(ground.world, cold_start_cost_usd=0.5)
        second = PRICES.vcpu + 0.5 * PRICES.gigabyte

        assert (report.name, report.minutes, report.requests) == ("agent", 60, 1200)
        assert report.busy_instance_minutes == pytest.approx(60, rel=0.01)
        assert report.kept_idle_instance_minutes == 0
        assert report.cost_usd == pytest.approx(report.busy_instance_minutes * 60 * second + 1200 * REQUEST_USD)
        assert report.cost_usd == pytest.approx(report.cost_without_usd)


async def test_idle_instances_of_the_minimum_are_billed():
    async with Ground(flat(0, 60, 120)) as ground:
        await ground.set_minimum(3)
        await ground.passes(minutes=61)
        (report,) = reports(ground.world)

        assert report.kept_idle_instance_minutes == pytest.approx(180, rel=0.03)
        assert report.cost_usd == report.kept_idle_usd == pytest.approx(180 * 60 * (2.5e-6 * 1.5), rel=0.03)


async def test_cold_starts_cost_the_operators_price():
    async with Ground(flat(2, 0, 60, each=1)) as ground:
        await ground.passes(minutes=30)
        (report,) = reports(ground.world, cold_start_cost_usd=0.5)

        assert report.cold_starts == report.cold_starts_without >= 2
        assert report.cold_start_usd == report.cold_start_without_usd == 0.5 * report.cold_starts
