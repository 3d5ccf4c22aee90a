"""Recorded decisions of a pool, as a report needs them. Reads the store."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from controller.decision.costs.kinds import KIND_OF_MODE, Mode
from controller.decision.planning.plan import DEFERRED_CODES, REMARKS, WOULD_WRITE, Action
from controller.decision.planning.reason_codes import ReasonCode
from controller.report.period import Period
from controller.store.codec import micros
from forecasting.demand import minute_of

PAGE = 500
"""Decisions that are read at once."""

TOP_LEVEL = "0.99"
"""Highest quantile of a recorded forecast."""


class Step(NamedTuple):
    """A reason of a decision, with the target before and after it."""

    code: str
    text: str
    before: int | None
    after: int | None


class Forecast(NamedTuple):
    """Forecast in the record of a decision: the highest quantile of peak demand in `minute` (since the epoch)."""

    minute: int
    highest: float


class Decision(NamedTuple):
    """A recorded decision. `requested`: units before it, simulated in shadow mode. `writes`: whether it asked for the target."""

    at: datetime
    mode: Mode
    writes: bool
    holds: bool
    requested: int | None
    target: int | None
    steps: tuple[Step, ...]
    forecast: Forecast | None = None

    @property
    def units(self) -> int | None:
        """Units requested after the decision."""
        return self.target if self.writes else self.requested

    @property
    def deciding(self) -> Step | None:
        """The last reason that is not a remark on the proposal; None without reasons."""
        ignored = {code.value for code in REMARKS | DEFERRED_CODES}
        return next((step for step in reversed(self.steps) if step.code not in ignored), None)

    def step(self, code: ReasonCode) -> Step | None:
        """Return the last reason with `code`; None without one."""
        return next((step for step in reversed(self.steps) if step.code == code.value), None)


class DecisionReader(Protocol):
    """Store that returns decisions, newest first."""

    def decisions(self, pool: str | None = None, since: datetime | None = None, limit: int = 100,
                  before: tuple[int, int] | None = None) -> list[dict[str, Any]]:
        """Return the newest `limit` decisions at or after `since` and before a cursor."""


def stored_decisions(store: DecisionReader, pool: str, period: Period) -> list[Decision]:
    """Return the decisions of the period and the last one before it, oldest first."""
    before = (micros(period.end), 0)
    found: list[Decision] = []
    while rows := store.decisions(pool, period.start, PAGE, before):
        found += map(decision_of, rows)
        at, number = rows[-1]["cursor"].split("-")
        before = int(at), int(number)
    earlier = store.decisions(pool, None, 1, (micros(period.start), 0))
    return [*map(decision_of, earlier), *reversed(found)]


def decision_of(record: Mapping[str, Any]) -> Decision:
    """Return the decision of a record of the store."""
    mode: Mode = record["mode"]
    writes = record["action"] in (Action.WRITE, WOULD_WRITE)
    return Decision(datetime.fromisoformat(record["at"]), mode, writes, record["action"] == Action.HOLD,
                    record[f"{KIND_OF_MODE[mode]}_requested"], record["target"],
                    tuple(Step(each["code"], each["text"], each["before"], each["after"]) for each in record["reasons"]),
                    forecast_of(record["inputs"]))


def forecast_of(inputs: Mapping[str, Any]) -> Forecast | None:
    """Return the forecast in the inputs of a record; None where there was none."""
    body = (inputs.get("weighed") or {}).get("forecast")
    if body is None or TOP_LEVEL not in body["peak_below"]:
        return None
    return Forecast(minute_of(datetime.fromisoformat(body["of"])), body["peak_below"][TOP_LEVEL])


def in_mode(decisions: list[Decision], mode: Mode, period: Period) -> Iterator[Decision]:
    """Yield the decisions of the period in one mode."""
    return (each for each in decisions if each.mode == mode and each.at >= period.start)
