"""What the operator of a seed says, and what its users do."""

import random
from datetime import timedelta

import numpy as np

from adapters.aws.settings import LambdaPingSettings, LambdaProvisionedConcurrencySettings
from adapters.gcp.settings import CloudRunMinInstancesSettings
from adapters.web.settings import HttpPingSettings
from config.model.event import Event
from config.model.lever import LeverSettings
from config.model.limits import Limits
from config.model.policy import Objective, PoolPolicy
from config.model.schedule import Schedule
from tests.simulation.scenario import HISTORY, has_pings


def region_of(pool: str, regions: int) -> int:
    return int(pool[1:]) % regions


def lever_of(seed: int, region: int, name: str) -> LeverSettings:
    """The lever of a pool: one kind in a region, as a provider has it."""
    if (seed + region) % 3:
        return lambda_of(name)
    kind = "cloud-run-min-instances"
    return CloudRunMinInstancesSettings(kind=kind, project="acme-agents", location="europe-west1", service=name)


def lambda_of(name: str) -> LambdaProvisionedConcurrencySettings:
    kind = "lambda-provisioned-concurrency"
    return LambdaProvisionedConcurrencySettings(kind=kind, region="us-east-1", function=name, alias="live")


def top_of(seed: int, base: LeverSettings, name: str) -> LeverSettings:
    """The lever of the pings above a base."""
    dice = random.Random(f"top {seed} {name}")  # noqa: S311
    pauses = {"pause": timedelta(minutes=dice.choice((2, 4))), "longest_pause": timedelta(minutes=dice.choice((4, 15)))}
    if base.kind == "cloud-run-min-instances":
        url = f"https://{name}-1234567890.europe-west1.run.app/ping"
        return HttpPingSettings(kind="http-ping", url=url, opted_in=True, **pauses)
    return LambdaPingSettings(kind="lambda-ping", region="us-east-1", function=name, alias="live", handler="stoker",
                              opted_in=True, **pauses)


def limits_of(seed: int) -> Limits:
    """What the whole fleet may do: nothing is said of it in most quick seeds, and in all long ones."""
    dice = random.Random(f"limits {seed}")  # noqa: S311
    if seed % 100 == 50 or dice.random() < 0.6:
        return Limits()
    return Limits(pools_per_tick=dice.choice((None, 2, 5)), units_per_tick=dice.choice((None, 10, 60)),
                  usd_per_hour=dice.choice((None, None, 0.2, 2.0)), usd_per_month=dice.choice((None, None, 100.0)))


def policy_of(seed: int, name: str, regions: int) -> PoolPolicy:
    """A pool's policy: any lawful mixture of what a policy can say."""
    dice = random.Random(f"policy {seed} {name}")  # noqa: S311
    least = dice.choice((0, 0, 0, 1, 3))
    most = dice.choice((least, 10, 40, 60)) or 5
    lever = lever_of(seed, region_of(name, regions), name)
    return PoolPolicy(
        name=name, lever=lever, mode=dice.choice(("active",) * 5 + ("shadow",)),
        min=least, max=most,
        on_missing_metrics=dice.choice(("hold", "hold", "floor", "forecast")),
        on_foreign_write=dice.choice(("yield", "yield", "yield", "reassert")),
        objective=Objective(cold_start_cost_usd=dice.choice((0.01, 0.05, 1.0))),
        scale_down_delay=timedelta(minutes=dice.choice((0, 0, 10, 30))),
        max_step_up=dice.choice((None, None, 3, 10)), max_step_down=dice.choice((None, None, 5, 20)),
        budget_usd_per_month=dice.choice((None,) * 6 + (30.0, 200.0)), schedules=_schedules(dice, most),
        events=_events(random.Random(f"events {seed} {name}")),  # noqa: S311
        top=top_of(seed, lever, name) if has_pings(seed, name) else None,
    )


def _schedules(dice: random.Random, most: int) -> tuple[Schedule, ...]:
    if dice.random() < 0.7:
        return ()
    hour, minute = dice.choice(((0, 50), (1, 10), (1, 40), (2, 30), (3, 10))), dice.choice((20, 45, 90))
    bound = dice.choice(({"min": min(4, most)}, {"max": 6}, {"min": min(2, most), "max": 8}))
    return (Schedule(cron=f"{hour[1]} {hour[0]} * * *", timezone="Europe/Paris", duration=timedelta(minutes=minute), **bound),)


def _events(dice: random.Random) -> tuple[Event, ...]:
    """Now and then a launch, of a size that no ceiling allows too, or a quiet night."""
    if dice.random() < 0.75:
        return ()
    hour, minute = dice.choice(((0, 55), (1, 5), (1, 30), (2, 15), (3, 0)))
    expected = dice.choice(({"size": 5}, {"size": 30}, {"size": 500}, {"factor": 3}, {"factor": 0.1}, {"factor": 0.1}))
    lead, lasts = timedelta(minutes=dice.choice((0, 7))), timedelta(minutes=dice.choice((10, 40, 60)))
    return (Event(name="night", cron=f"{minute} {hour} * * *", timezone="Europe/Paris", lead=lead, duration=lasts, **expected),)


def traffic_of(seed: int, name: str, minutes: int, calm: int) -> np.ndarray:
    """float32[HISTORY + minutes + calm]: work in flight a minute; nothing once calm begins."""
    dice = np.random.default_rng([seed, int(name[1:])])
    length, at = HISTORY + minutes, np.arange(HISTORY + minutes)
    level, kind = dice.choice([2.0, 10.0, 30.0]), dice.integers(0, 5)
    if kind == 0:
        units = np.full(length, level)
    elif kind == 1:
        units = level * (1 + np.sin(at / dice.uniform(8, 40)))
    elif kind == 2:
        units = level * (dice.random(length) < 0.15) * dice.uniform(1, 4, length)
    elif kind == 3:
        units = level * ((at // int(dice.integers(10, 50))) % 2)
    else:
        units = np.zeros(length)
    return np.concatenate([np.round(units), np.zeros(calm)]).astype(np.float32)
