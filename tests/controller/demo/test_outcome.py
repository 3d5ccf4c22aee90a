"""What the demo says it cost agrees with what the sandbox really served and billed."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest

from adapters.runtime.clock import ManualClock
from adapters.sandbox.traffic.recorded import Minute
from adapters.sandbox.world import Sandbox
from controller.decision.costs.cost_model import CostTerms
from controller.demo.outcome import Outcome, outcome_of

START = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
TERMS = CostTerms(idle=0.001, warm_busy=0.002, on_demand=0.004, init_seconds=30, cold_start_cost_usd=0.1, metric_delay=2,
                  lead_time=2, keep_alive=6)


def after(minutes: int, warm: int) -> Outcome:
    """Three at once, half the time, for so many minutes, with so many units allocated since before the start."""
    clock = ManualClock(START - timedelta(minutes=10))
    sandbox = Sandbox(clock)
    sandbox.add_function("agent", traffic=iter([Minute(0, 0, 0)] * 10 + [Minute(3, 1.5, 3)] * minutes))
    hosted = sandbox.hosted("agent")
    if warm:
        hosted.function.capacity("live").put(warm, sandbox.now_ms(), 60_000, init_fails=False)
    clock.set(START + timedelta(minutes=minutes))
    return outcome_of(sandbox.hosted("agent"), TERMS, sandbox.now_ms())


def test_without_warm_capacity_both_sides_are_the_same():
    out = after(20, warm=0)

    assert (out.cold_starts, out.cold_starts_without) == (3, 3)
    assert out.bill_usd == pytest.approx(out.bill_without_usd)
    assert out.bill_usd == pytest.approx(20 * 1.5 * 0.004 + 3 * 0.5 * 0.004, rel=1e-3), "initialisation is billed"
    assert out.cold_start_cost_usd == out.cold_start_cost_without_usd == pytest.approx(3 * 0.1)


def test_warm_capacity_is_paid_and_avoids_the_cold_starts():
    out = after(20, warm=3)

    assert (out.cold_starts, out.cold_starts_without, out.avoided) == (0, 3, 3)
    assert out.warm_minutes == 3 * 30
    assert out.bill_usd == pytest.approx(90 * 0.001 + 20 * 1.5 * 0.002, rel=1e-3)
    assert out.saved_usd == pytest.approx(out.bill_without_usd - out.bill_usd) != 0, "the bill alone"
    assert (out.cold_start_cost_usd, out.cold_start_cost_without_usd) == (0, pytest.approx(0.3))


def test_pings_and_their_cold_starts_are_billed_and_prevent_cold_starts_of_users():
    clock = ManualClock(START)
    sandbox = Sandbox(clock)
    sandbox.add_function("agent", traffic=iter([Minute(0, 0, 0), Minute(3, 1.5, 3), Minute(0, 0, 0)]))
    hosted = sandbox.hosted("agent")
    for _ in range(3):
        hosted.driver.invoke(sandbox.now_ms(), 600, hosted.driver.serving)
    clock.set(START + timedelta(minutes=3))
    out = outcome_of(sandbox.hosted("agent"), TERMS, sandbox.now_ms(), request_usd=0.01)

    assert (out.pings, out.cold_starts, out.cold_starts_without) == (3, 0, 3)
    assert out.bill_usd == pytest.approx((3 + 3) * 0.01 + 3 * 0.01 * 0.004 + 3 * 0.5 * 0.004 + 1.5 * 0.004, rel=1e-3)
    assert out.bill_without_usd == pytest.approx(3 * 0.01 + 1.5 * 0.004 + 3 * TERMS.initialisation, rel=1e-3)


def test_a_sum_adds_every_amount_except_time():
    one, other = Outcome(5, 10, 1, 4, 20, 0.5, 2.0, 0.1, 0.4), Outcome(7, 1, 2, 3, 1, 0.25, 0.1, 0.2, 0.3)
    both = one + other

    assert both.minutes == 7
    assert all(getattr(both, each.name) == getattr(one, each.name) + getattr(other, each.name)
               for each in fields(Outcome) if each.name != "minutes")
