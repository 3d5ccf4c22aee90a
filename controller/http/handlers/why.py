"""`/v1/pools/{name}/why?at=`: one decision with its inputs, each step, the request and the answer of the provider."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from aiohttp import web

from config.model.layers import base_name
from controller.decision.planning.plan import Plan, PlannedDecision
from controller.decision.planning.record.codec import load_basis
from controller.decision.planning.record.decision_record import VERSION, inputs_body, plan_body
from controller.decision.selection.rule_table import rules_body
from controller.decision.selection.rule_values import ProposalBasis
from controller.http.handlers.decisions import instant_of
from controller.http.published_state import PublishedState
from controller.http.responses import Missing, json_answer
from controller.http.status_entries import blackout_entry
from controller.overrides.effects import entries_in_force
from controller.store.codec import micros


async def why(published: PublishedState, request: web.Request) -> web.Response:
    """Return the plan of the last tick, or with `at` the newest decision recorded at or before that instant. For a pool with
    layers that of the base, and beside it that of the pings.
    """
    name = published.name_of(request, recorded=True)
    at = instant_of("at", request.query.get("at"))
    found = await found_of(published, name, at)
    if found is None and at is None:
        raise web.HTTPServiceUnavailable(reason="no plan yet: the first tick is running")
    if found is None:
        raise Missing(f"no stored decision for {name} at or before {at and at.isoformat()}")
    answer = body(name, at, found.record, found.overrides)
    if (top := published.tops.get(name)) is not None:
        above = await found_of(published, top, at)
        answer["pings"] = None if above is None else {"recorded": above.overrides is None, "record": above.record}
    if found.overrides is not None:
        answer |= blackout_entry(published.started().fleet, base_name(name))
    return json_answer(answer)


class Found(NamedTuple):
    """A decision. `overrides`: those in force now; None for a decision from the store."""

    record: Mapping[str, Any]
    overrides: list[dict[str, Any]] | None


async def found_of(published: PublishedState, name: str, at: datetime | None) -> Found | None:
    """Return the decision of a pool or of an upper layer: of the last tick, or in force at `at`; None without one."""
    components = published.components
    plan = None if components is None else components.fleet.plans.get(name)
    if components is not None and plan is not None and (at is None or at >= plan.at):
        record = live(plan, components.decision_log.with_rationale(plan, components.fleet.inputs.get(name, {})))
        return Found(record, entries_in_force(components.fleet, base_name(name), published.clock.now()))
    if at is None:
        return None
    rows = await published.store.run(published.store.store.decisions, name, None, 1, (micros(at) + 1, 0))
    return Found(rows[0], None) if rows else None


def body(name: str, at: datetime | None, record: Mapping[str, Any],
         overrides: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Return a decision with its record, and each rule with weight: its signals, the units that it asks for, and its weight.

    `overrides`: those in force now; None for a decision from the store.
    """
    basis = (record["inputs"].get("proposal") or {}).get("basis")
    loaded = None if basis is None or record["inputs"].get("version") != VERSION else load_basis(basis)
    rules = rules_body(loaded) if isinstance(loaded, ProposalBasis) else []  # the text of a top has all its numbers
    return {"pool": name, "asked_for": at, "recorded": overrides is None, "record": record, "overrides": overrides or [],
            "rules": rules}


def live(plan: Plan, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plan of the last tick in the shape of a recorded decision."""
    decision = inputs.get("decision")
    body = inputs_body(decision) if isinstance(decision, PlannedDecision) else {}
    if "weighed" in inputs:
        body["weighed"] = inputs["weighed"]
    return {"pool": plan.pool, "at": plan.at.isoformat(), **plan_body(plan), "inputs": body}
