"""Scheduled actions of Application Auto Scaling. One-time actions set the range of a target when they are due.

Time passes lazily: reading a function first runs its due actions, each at its own time.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from adapters.sandbox.aws.lambda_.functions import LambdaFunction
from adapters.sandbox.errors import ApiError
from adapters.sandbox.wire import Json

ONCE = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
RESOURCE = re.compile(r"function:(?P<function>[^:]+):(?P<qualifier>[^:]+)")


def due_ms(schedule: str) -> int | None:
    """Return the time of a one-time schedule in milliseconds since the epoch; None for a recurring one, which never runs."""
    once = ONCE.fullmatch(schedule)
    return None if once is None else round(datetime.fromisoformat(once[1]).replace(tzinfo=UTC).timestamp() * 1000)


def check(schedule: str) -> None:
    """Raise AWS's `ValidationException` if the text is no schedule expression."""
    if not re.fullmatch(r"(at|cron|rate)\(.+\)", schedule):
        raise ApiError("ValidationException", f"Invalid schedule expression: {schedule}")


class ScheduledActions:
    """Targets and scheduled actions of one account. `done`: resource and time of each action that ran, in order."""

    def __init__(self) -> None:
        self.targets: dict[str, Json] = {}
        self.actions: list[Json] = []
        self.done: list[tuple[str, int]] = []

    def run_due(self, function: LambdaFunction, now: int, advance: Callable[[int], None],
                preparation: Callable[[], int]) -> None:
        """Run the actions of a function that are due by `now`. `advance` plays its traffic up to the time of an action."""
        actions = [each for each in self.actions if each["ResourceId"].startswith(f"function:{function.name}:")]
        due = [(at, each) for each in actions if (at := due_ms(each["Schedule"])) is not None and at <= now]
        for at, action in sorted(due, key=lambda pair: pair[0]):
            self.actions.remove(action)
            target = self.targets.get(action["ResourceId"])
            if target is None or target.get("SuspendedState", {}).get("ScheduledScalingSuspended"):
                continue
            advance(at)
            target |= action["ScalableTargetAction"]
            self.done.append((action["ResourceId"], at))
            move_into_range(function, target, at, preparation)


def move_into_range(function: LambdaFunction, target: Json, at: int, preparation: Callable[[], int]) -> None:
    """Move the provisioned concurrency to the nearest bound of the target's range if it is outside."""
    match = RESOURCE.fullmatch(target["ResourceId"])
    if match is None or match["qualifier"] not in function.aliases | function.versions:
        return
    capacity = function.capacity(match["qualifier"])
    wanted = min(max(capacity.requested, target["MinCapacity"]), target["MaxCapacity"])
    if wanted == 0 and capacity.exists:
        function.release(match["qualifier"], at)
    elif wanted not in (0, capacity.requested):
        capacity.put(wanted, at, preparation(), init_fails=False)
