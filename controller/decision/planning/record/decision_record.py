"""Decision records: all inputs of a plan as JSON, from which the same plan is computed again, byte for byte. Pure.

A record contains no secret. Texts from providers are redacted before a plan is made from them, so that the recomputed plan has
the same texts.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from adapters.ports.errors import AdapterError
from config.model.layers import base_name
from config.model.policy import PoolPolicy
from controller.decision.costs.kinds import KIND_OF_MODE
from controller.decision.planning.guardrails import guardrails_for
from controller.decision.planning.observation import CapacityView, DemandView, Observation
from controller.decision.planning.plan import Plan, PlannedDecision
from controller.decision.planning.planner import make_plan
from controller.decision.planning.pool_state.state import PoolState
from controller.decision.planning.record.codec import (
    CAPACITY,
    CAPACITY_VIEW,
    DEMAND_VIEW,
    OBSERVATION,
    STATE,
    RecordedError,
    dump_fields,
    load_fields,
    proposal_summary,
)
from controller.redaction.redactor import redact, redact_text

VERSION = 7
READABLE = frozenset({6, VERSION})
"""Versions that can be replayed. Records of version 6 have no leading signals."""

POLICY = frozenset({"name", "mode", "on_missing_metrics", "missing_metrics_limit", "on_foreign_write", "min", "max", "schedules",
                    "keep_setting", "scale_down_delay", "max_step_up", "max_step_down", "budget_usd_per_month"})
"""Keys of a policy that a plan depends on. The effects of the lever, the objective and the events are in the observation."""

PLAN = ("mode", "target", "text")
"""Fields of a plan that its record has under the same key. See `plan_body` for the others."""

ABOUT_RECORD = frozenset({"id", "cursor", "pool", "at", "inputs"})
"""Keys of a record beside its plan."""


class RecordNotReplayable(ValueError):
    """The input is not a decision record, or its version is not supported; the message is one line with the remedy."""


def redact_observation(seen: Observation) -> Observation:
    """Return the observation without secrets in the texts of providers and in the names of events."""
    return replace(seen, demand=redact_demand(seen.demand), capacity=redact_capacity(seen.capacity))


def redact_demand(demand: DemandView) -> DemandView:
    """Return the demand view without secrets in its texts."""
    event = demand.announced
    if event is not None:
        demand = replace(demand, announced=replace(event, text=redact_text(event.text)))
    return replace(demand, quiet=redact_text(demand.quiet)) if demand.quiet else demand


def redact_capacity(view: CapacityView) -> CapacityView:
    """Return the capacity view without secrets in its texts."""
    reading = view.reading
    if view.error is not None:
        view = replace(view, error=redact_error(view.error))
    if reading is None or not (reading.blocked is not None or reading.detail or reading.foreign_owner or reading.others_by):
        return view
    owner = reading.foreign_owner
    return replace(view, reading=replace(
        reading, blocked=None if reading.blocked is None else redact_error(reading.blocked), detail=redact_text(reading.detail),
        foreign_owner=None if owner is None else redact_text(owner), others_by=redact_text(reading.others_by)))


def redact_error(error: AdapterError) -> AdapterError:
    """Return the error, or one with a redacted text where it contains a secret."""
    text = redact_text(str(error))
    return error if text == str(error) else RecordedError(text)


def plan_body(plan: Plan) -> dict[str, Any]:
    """Return the plan for its record, without secrets and without its state. The keys of units start with `actual_`, or in
    shadow mode with `simulated_`; `fencing` is added where a lease is held.
    """
    kind = KIND_OF_MODE[plan.mode]
    body = redact({name: getattr(plan, name) for name in PLAN})
    if not isinstance(body, dict):
        return {}
    body |= {"proposal": None if plan.proposal is None else proposal_summary(plan.proposal),
             "reasons": [redact(reason.body) for reason in plan.reasons]}
    body |= {"action": plan.action_name, f"{kind}_requested": plan.requested, f"{kind}_ready": plan.ready}
    return body if plan.fencing is None else body | {"fencing": plan.fencing}


def inputs_body(decision: PlannedDecision) -> dict[str, Any]:
    """Return the inputs of a decision's plan; with the plan as it was made under `made` where its write failed."""
    seen = decision.seen
    body: dict[str, Any] = {
        "version": VERSION, "policy": decision.policy.model_dump(mode="json", include=set(POLICY), exclude_defaults=True),
        "state": dump_fields(decision.state, STATE), **dump_fields(seen, OBSERVATION, skip=("demand", "capacity")),
        **dump_fields(seen.demand, DEMAND_VIEW), **dump_fields(seen.capacity, CAPACITY_VIEW),
    }
    if decision.lead_time is not None:
        body["lead_time_seconds"] = decision.lead_time.total_seconds()
    if decision.answer is not None:
        body["answer"] = dump_fields(decision.answer, CAPACITY)
    if decision.intended is not None:
        body["made"] = plan_body(decision.intended)
    redacted = redact(body)
    return redacted if isinstance(redacted, dict) else {}


def replayed(record: Mapping[str, Any]) -> tuple[str, str]:
    """Return the recorded plan, and the plan computed from the record, as indented JSON. Raise `RecordNotReplayable`."""
    inputs = record.get("inputs")
    if not isinstance(inputs, Mapping) or "version" not in inputs:
        raise RecordNotReplayable("not a decision record, or one of an earlier version that lacks inputs of the plan")
    if inputs["version"] not in READABLE:
        version = str(inputs["version"])[:20]
        readable = f"this version of Stoker reads versions {min(READABLE)} to {VERSION}"
        raise RecordNotReplayable(f"the record has version {version}, {readable}")
    try:
        policy, state, seen = loaded(inputs)
        recorded = inputs.get("made") or {name: value for name, value in record.items() if name not in ABOUT_RECORD}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        why = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise RecordNotReplayable(f"the record is damaged: {why}") from error
    again = plan_body(make_plan(policy, state, seen, guardrails_for(seen)))
    return json.dumps(recorded, indent=1, sort_keys=True), json.dumps(again, indent=1, sort_keys=True)


def loaded(inputs: Mapping[str, Any]) -> tuple[PoolPolicy, PoolState, Observation]:
    """Return the inputs of a plan from its record. Raise `KeyError`, `TypeError`, `ValueError` or `AttributeError` for damage."""
    name = inputs["policy"]["name"]
    valid = inputs["policy"] | {"name": base_name(name), "lever": {"kind": "recorded"}}
    policy = PoolPolicy.model_validate_json(json.dumps(valid))
    policy = policy.model_copy(update={"name": name})
    seen = load_fields(Observation, inputs, OBSERVATION, demand=load_fields(DemandView, inputs, DEMAND_VIEW),
                       capacity=load_fields(CapacityView, inputs, CAPACITY_VIEW))
    return policy, load_fields(PoolState, inputs["state"], STATE), seen
