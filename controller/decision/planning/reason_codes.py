"""Reason codes, and reasons with their numbers. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class ReasonCode(StrEnum):
    """Code of a reason. Codes are stable: dashboards and alerts match on them."""

    PROPOSED = "proposed"
    SHORT_HISTORY = "short-history"
    KEEP_ALIVE = "keep-alive"
    INVALID_PROPOSAL = "invalid-proposal"
    METRICS_MISSING = "metrics-missing"
    METRICS_MISSING_LONG = "metrics-missing-long"
    RESTARTED = "restarted"
    UNKNOWN_MINUTES = "unknown-minutes"
    QUIET_REGION = "quiet-region"
    IN_FLIGHT = "in-flight"
    EVENT = "event"
    BOOSTED = "boosted"
    PREWARMED = "prewarmed"
    PINNED = "pinned"
    PAUSED = "paused"
    STANDBY = "standby"
    SCHEDULE = "schedule"
    FLOOR = "floor"
    CEILING = "ceiling"
    STEP_LIMIT = "step-limit"
    SCALE_DOWN_DELAY = "scale-down-delay"
    BILLING_STEP = "billing-step"
    QUOTA = "quota"
    BUDGET = "budget"
    FLEET_BUDGET = "fleet-budget"
    FLEET_CHANGES = "fleet-changes"
    WRITE_TURN = "write-turn"
    NOT_READ = "not-read"
    CAPACITY_UNKNOWN = "capacity-unknown"
    FOREIGN_WRITE = "foreign-write"
    SETTING_GONE = "setting-gone"
    FOREIGN_OWNER = "foreign-owner"
    BLOCKED = "blocked"
    KEPT_BY_OTHERS = "kept-by-others"
    SETTING_KEPT = "setting-kept"
    DELETES_SETTING = "deletes-setting"
    ON_EXIT = "on-exit"
    ALLOCATION_FAILED = "allocation-failed"
    WRITE_FAILED = "write-failed"


@dataclass(frozen=True, slots=True)
class Reason:
    """Reason of a step: its code, its limit and inputs, and the target before and after the step. `said`: text, or a value whose
    `str` is the text and is made only when it is shown. `change`: what the step did to the target, as text.
    """

    code: ReasonCode
    said: object
    before: int | None = None
    after: int | None = None
    change: str = ""

    @property
    def text(self) -> str:
        """Display text: the limit, its inputs, and what they did to the target."""
        return f"{self.said}: {self.change}" if self.change else self.limit

    @property
    def limit(self) -> str:
        """Display text without the change of the target."""
        return str(self.said)

    @property
    def body(self) -> dict[str, Any]:
        """The reason as JSON values."""
        return {"code": self.code.value, "text": self.text, "before": self.before, "after": self.after}
