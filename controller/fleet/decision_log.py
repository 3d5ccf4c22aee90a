"""Plans that changed something: stored with what they were made from, then told in one log line each."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import structlog

from controller.decision.planning.plan import DEFERRED_CODES, Action, Plan, deciding_code
from controller.decision.planning.reasons import ReasonCode
from controller.redaction.redactor import redact_text
from controller.store.sqlite_file import StoreError

log = structlog.get_logger("stoker.decision")


class DecisionStore(Protocol):
    """The lasting part of the journal."""

    async def save_decisions(self, batch: Iterable[tuple[Plan, Mapping[str, Any]]]) -> None:
        """Append all; safe on return."""


class DecisionLog:
    """Counts every plan by action and by the reason that ruled it; stores and logs those that changed something."""

    def __init__(self, store: DecisionStore) -> None:
        self._store = store
        self.counts: dict[tuple[str, str], int] = {}
        """Decisions that were recorded, by action and ruling reason."""
        self.last_change: dict[str, Plan] = {}
        """The last recorded decision of each pool, since the start."""
        self.weighed: Callable[[str, datetime], Mapping[str, Any]] | None = None
        """What a proposal rests on, for the record; see `controller.forecasts.rationale`."""
        self._owed: list[tuple[Plan, Mapping[str, Any]]] = []
        """What could not be stored, and is stored with what comes next."""

    async def note(self, plans: Sequence[tuple[Plan, Plan | None, Mapping[str, Any]]]) -> None:
        """Record what is worth it, in one transaction, and only then say it."""
        new = [(plan, self.with_grounds(plan, inputs)) for plan, before, inputs in plans if is_worth_recording(plan, before)]
        worth = self._owed + new
        if not worth:
            return
        self._owed = []
        try:
            await self._store.save_decisions(worth)
        except StoreError:
            self._owed = [*worth, *self._owed][-MOST_OWED:]
            raise
        for plan, _ in worth:
            key = (plan.action.value, deciding_code(plan).value)
            self.counts[key] = self.counts.get(key, 0) + 1
            self.last_change[plan.pool] = plan
            told = log.warning if deciding_code(plan) in WARNING_CODES else log.info
            fencing = {} if plan.fencing is None else {"fencing": plan.fencing}
            told("decision", pool=plan.pool, action=plan.action.value, target=plan.target, requested=plan.requested,
                 ready=plan.ready, reasons=[reason.code.value for reason in plan.reasons], text=redact_text(plan.text),
                 **fencing)

    def with_grounds(self, plan: Plan, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """The same and what the proposal rests on. That explains and decides nothing: a fault in it costs nothing else."""
        if self.weighed is None:
            return inputs
        try:
            return {**inputs, "weighed": self.weighed(plan.pool, plan.at)}
        except Exception:
            log.exception("not-explained", pool=plan.pool)
            return inputs


MOST_OWED = 20_000
"""Decisions that a store which takes nothing owes at most; the oldest are given up."""

WARNING_CODES = frozenset({ReasonCode.CAPACITY_UNKNOWN, ReasonCode.METRICS_MISSING, ReasonCode.BLIND, ReasonCode.FOREIGN_WRITE,
                           ReasonCode.FOREIGN_OWNER,
                           ReasonCode.BLOCKED, ReasonCode.ALLOCATION_FAILED, ReasonCode.WRITE_FAILED, ReasonCode.QUOTA,
                           ReasonCode.BUDGET, ReasonCode.INVALID_PROPOSAL})
"""What an operator may want to look into."""


def is_worth_recording(plan: Plan, before: Plan | None) -> bool:
    """Whether a plan is worth a record: a write always, else when acting stops, resumes or is forbidden by another reason.

    That capacity stays as it was wanted, tick after tick, is not; nor is that a pool waits for its turn at the provider.
    """
    if plan.action is Action.WRITE:
        return True
    if deciding_code(plan) in DEFERRED_CODES:
        return False
    if before is None or deciding_code(before) in DEFERRED_CODES:
        return plan.action is Action.HOLD
    if plan.action is not before.action and before.action is not Action.WRITE:
        return True
    return plan.action is Action.HOLD and (before.action is not Action.HOLD or deciding_code(plan) is not deciding_code(before))
