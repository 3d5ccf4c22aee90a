"""Environments of the sandbox end at random ages, the same with the same seed."""

from datetime import timedelta

from adapters.runtime.clock import ManualClock
from adapters.sandbox.world import Sandbox
from tests.builders import NOON

UNITS, ROUND = 40, timedelta(minutes=4)


async def ages(seed: int) -> list[float]:
    """Return the ages in minutes at which environments that are used every 4 min ended, of those started in the first hour."""
    clock = ManualClock(NOON)
    sandbox = Sandbox(clock, seed)
    sandbox.add_function("agent")
    since: dict[int, float] = {}
    last: dict[int, float] = {}
    for at in range(0, 330, 4):
        driver = sandbox.hosted("agent").driver
        for _ in range(UNITS):
            number = driver.invoke(sandbox.now_ms(), 100, driver.serving).environment
            last[number] = at
            since.setdefault(number, at)
        await clock.advance(ROUND)
    return [last[number] + 4 - start for number, start in since.items() if start < 60]


async def test_environments_in_use_end_at_any_age_up_to_a_few_hours():
    found = sorted(await ages(3))

    assert len(found) > UNITS
    assert found[0] < 30
    assert 200 < found[-1] <= 4 * 60 + 4
    assert 60 < sum(found) / len(found) < 150
    assert sorted(await ages(3)) == found
    assert sorted(await ages(4)) != found
