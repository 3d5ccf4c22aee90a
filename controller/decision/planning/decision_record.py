"""The record of a decision: all that a plan was made from, so that it can be made again, byte for byte. Pure.

A record holds no secret: what providers said goes through the redaction before a plan is made from it, so that the plan that is
made again from the record has the same words.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from adapters.ports.errors import AdapterError, Limit
from adapters.ports.lever import Capacity, Phase
from config.model.policy import PoolPolicy
from controller.decision.planning.guardrails import guardrails_for
from controller.decision.planning.observation import Bound, DataFreshness, EventDemand, Observation, Proposal, Traffic
from controller.decision.planning.overrides import entry, shown_override
from controller.decision.planning.plan import Plan
from controller.decision.planning.planner import make_plan
from controller.decision.planning.pool_state import INSTANTS, TIMED, PoolState
from controller.decision.planning.reasons import ReasonCode
from controller.redaction.redactor import redact, redact_text

VERSION = 3
POLICY = frozenset({"name", "mode", "on_missing_metrics", "missing_metrics_limit", "on_foreign_write", "min", "max", "schedules",
                    "keep_setting", "scale_down_delay", "max_step_up", "max_step_down", "budget_usd_per_month"})
"""What of a policy a plan is made from; the lever, the objective and the events have done their part before."""

NO_CAPACITY = Capacity(0, 0, Phase.READY, datetime.min)  # noqa: DTZ901  (for its defaults)


@dataclass(frozen=True, slots=True)
class PlannedDecision:
    """A plan as `make_plan` made it, and from what. `answer`: what the provider said to the write that followed."""

    policy: PoolPolicy
    state: PoolState
    seen: Observation
    plan: Plan
    lead_time: timedelta | None = None
    answer: Capacity | None = None

    @property
    def limited(self) -> bool:
        """Whether a limit of the provider held the plan down."""
        return any(reason.code is ReasonCode.QUOTA for reason in self.plan.reasons)


class RecordNotReplayable(ValueError):
    """A record is none, or is of another version; one line with what to do."""


class RecordedError(AdapterError):
    """What a provider said, as it was recorded."""


def redact_observation(seen: Observation) -> Observation:
    """The same without secrets in what the provider said, and in what the policy calls its events."""
    capacity, error, event = seen.capacity, seen.capacity_error, seen.announced
    if seen.quiet:
        seen = replace(seen, quiet=redact_text(seen.quiet))
    if event is not None:
        seen = replace(seen, announced=replace(event, text=redact_text(event.text)))
    if error is not None:
        seen = replace(seen, capacity_error=redact_error(error))
    if capacity is not None and (capacity.blocked is not None or capacity.detail or capacity.foreign_owner or capacity.others_by):
        owner = capacity.foreign_owner
        seen = replace(seen, capacity=replace(
            capacity, blocked=None if capacity.blocked is None else redact_error(capacity.blocked),
            detail=redact_text(capacity.detail),
            foreign_owner=None if owner is None else redact_text(owner), others_by=redact_text(capacity.others_by)))
    return seen


def redact_error(error: AdapterError) -> AdapterError:
    """`error` itself where its words hold no secret, else its words without."""
    text = redact_text(str(error))
    return error if text == str(error) else RecordedError(text)


def plan_body(plan: Plan) -> dict[str, Any]:
    """The plan as it is recorded, without secrets and as JSON carries it; its state is not part of it."""
    body = redact({"action": plan.action, "target": plan.target, "requested": plan.requested, "ready": plan.ready,
                   "proposal": plan.proposal, "reasons": plan.reasons, "text": plan.text})
    if not isinstance(body, dict):
        return {}
    return body if plan.fencing is None else body | {"fencing": plan.fencing}


def inputs_body(made: PlannedDecision, kept: Plan) -> dict[str, Any]:
    """What `made` was made from. `made` stands in it only where the plan that is kept differs: its write was refused, say."""
    seen = made.seen
    body: dict[str, Any] = {
        "version": VERSION, "policy": made.policy.model_dump(mode="json", include=set(POLICY), exclude_defaults=True),
        "state": state_body(made.state), "now": seen.now.isoformat(), "freshness": seen.freshness.value,
        "data_age_seconds": span(seen.data_age), "settled": seen.settled, "unknown_minutes": seen.unknown_minutes or None,
        "quiet": seen.quiet or None, "keep_alive_change": seen.keep_alive_change or None, "traffic": seen.traffic,
        "missing_since": seen.missing_since, "capacity": capacity_body(seen.capacity),
        "capacity_error": None if seen.capacity_error is None else str(seen.capacity_error),
        "proposal": proposal_body(seen.proposal), "allowed": seen.allowed,
        "limit": None if seen.limit is None else asdict(seen.limit), "billing_step_seconds": span(seen.billing_step),
        "announced": None if seen.announced is None else asdict(seen.announced),
        "usd_per_unit_minute": seen.usd_per_unit_minute, "overrides": [entry(each) for each in seen.overrides],
        "leaving": seen.leaving, "bounds": [asdict(bound) for bound in seen.bounds],
        "standby": seen.standby, "fencing": seen.fencing,
        "lead_time_seconds": span(made.lead_time), "answer": capacity_body(made.answer),
        "made": None if alike(made.plan, kept) else plan_body(made.plan),
    }
    body = {name: value for name, value in body.items() if value is not None and value != []}
    cleaned = redact(body)
    return cleaned if isinstance(cleaned, dict) else {}


def alike(made: Plan, kept: Plan) -> bool:
    """Whether the plan that is kept is the one that was made; its state, which is no part of it, may have moved on."""
    return replace(kept, state=made.state) == made


def span(value: timedelta | None) -> float | None:
    """A span in seconds."""
    return None if value is None else value.total_seconds()


def state_body(state: PoolState) -> dict[str, Any]:
    """What differs from nothing remembered."""
    body = {field.name: getattr(state, field.name) for field in fields(state)}
    nothing = PoolState()
    return {name: [(at.isoformat(), units) for at, units in value] if name in TIMED
            else value.isoformat() if isinstance(value, datetime) else value
            for name, value in body.items() if value != getattr(nothing, name)}


def capacity_body(capacity: Capacity | None) -> dict[str, Any] | None:
    """What differs from the defaults; what blocks in the provider's words."""
    if capacity is None:
        return None
    body = {field.name: getattr(capacity, field.name) for field in fields(capacity)}
    return {name: value.isoformat() if isinstance(value, datetime) else str(value) if name in ("blocked", "phase") else value
            for name, value in body.items() if value != getattr(NO_CAPACITY, name) or name in ("requested", "ready", "phase")}


def proposal_body(proposal: Proposal | None) -> dict[str, Any] | None:
    """JSON has no word for what is no number: it is spelled."""
    if proposal is None:
        return None
    target: float | str = float(proposal.target)
    if not math.isfinite(proposal.target):
        target = str(target)
    return {"target": target, "candidate": proposal.candidate, "trusted": proposal.trusted}


def replayed(record: Mapping[str, Any]) -> tuple[str, str]:
    """The plan as it was recorded and as it is made again from the record, as indented JSON. `RecordNotReplayable` when it
    cannot be.
    """
    inputs = record.get("inputs")
    if not isinstance(inputs, Mapping) or "version" not in inputs:
        raise RecordNotReplayable("this is no decision record, or one of an earlier version that did not keep all that is needed")
    if inputs["version"] != VERSION:
        raise RecordNotReplayable(f"the record has version {str(inputs['version'])[:20]}, this Stoker knows {VERSION}")
    try:
        policy, state, seen = loaded(inputs)
        kept = inputs.get("made") or {name: record[name] for name in
                                      ("action", "target", "requested", "ready", "proposal", "reasons", "text", "fencing")
                                      if name != "fencing" or name in record}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        why = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise RecordNotReplayable(f"the record is damaged: {why}") from error
    again = plan_body(make_plan(policy, state, seen, guardrails_for(seen)))
    return json.dumps(kept, indent=1, sort_keys=True), json.dumps(again, indent=1, sort_keys=True)


def loaded(inputs: Mapping[str, Any]) -> tuple[PoolPolicy, PoolState, Observation]:
    """What a plan is made from, out of its record. `KeyError`, `TypeError` or `ValueError` when it is damaged."""
    policy = PoolPolicy.model_validate_json(json.dumps({**inputs["policy"], "lever": {"kind": "recorded"}}))
    proposal, error = inputs.get("proposal"), inputs.get("capacity_error")
    seen = Observation(
        now=datetime.fromisoformat(inputs["now"]), capacity=capacity_of(inputs.get("capacity")),
        capacity_error=None if error is None else RecordedError(error),
        proposal=None if proposal is None else Proposal(float(proposal["target"]), proposal["candidate"], proposal["trusted"]),
        freshness=DataFreshness(inputs["freshness"]), data_age=seconds(inputs.get("data_age_seconds")), settled=inputs["settled"],
        unknown_minutes=inputs.get("unknown_minutes", 0), quiet=inputs.get("quiet", ""),
        keep_alive_change=inputs.get("keep_alive_change", ""),
        allowed=inputs.get("allowed"), limit=None if (limit := inputs.get("limit")) is None else Limit(**limit),
        billing_step=seconds(inputs.get("billing_step_seconds")) or timedelta(0),
        usd_per_unit_minute=inputs["usd_per_unit_minute"],
        overrides=tuple(shown_override(each) for each in inputs.get("overrides", ())),
        leaving=inputs.get("leaving"), traffic=None if (told := inputs.get("traffic")) is None else Traffic(told),
        missing_since=None if (since := inputs.get("missing_since")) is None else datetime.fromisoformat(since),
        announced=None if inputs.get("announced") is None else EventDemand(**inputs["announced"]),
        standby=inputs.get("standby"), fencing=inputs.get("fencing"),
        bounds=tuple(Bound(ReasonCode(each["code"]), each["text"], each["low"], each["high"]) for each in inputs.get("bounds",
                                                                                                                     ())))
    return policy, state_of(inputs["state"]), seen


def seconds(value: float | None) -> timedelta | None:
    """A span from its seconds."""
    return None if value is None else timedelta(seconds=value)


def state_of(body: Mapping[str, Any]) -> PoolState:
    """What `state_body` was made of."""
    values = dict(body)
    for name in INSTANTS:
        if values.get(name) is not None:
            values[name] = datetime.fromisoformat(values[name])
    for name in TIMED:
        values[name] = tuple((datetime.fromisoformat(at), units) for at, units in values.get(name, ()))
    return PoolState(**values)


def capacity_of(body: Mapping[str, Any] | None) -> Capacity | None:
    """What `capacity_body` was made of."""
    if body is None:
        return None
    values = dict(body) | {"phase": Phase(body["phase"]), "observed_at": datetime.fromisoformat(body["observed_at"])}
    if values.get("changed_at") is not None:
        values["changed_at"] = datetime.fromisoformat(values["changed_at"])
    if values.get("blocked") is not None:
        values["blocked"] = RecordedError(values["blocked"])
    return Capacity(**values)
