"""Reason codes, and reasons with their numbers. Pure."""

from dataclasses import dataclass
from enum import StrEnum


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
    """Reason of a step: its code, a display text, and the target before and after the step."""

    code: ReasonCode
    text: str
    before: int | None = None
    after: int | None = None
