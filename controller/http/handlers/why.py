"""`/v1/pools/{name}/why?at=`: one decision, whole: what it was made from, each step, what was asked, what the provider said."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from controller.decision.planning.decision_record import PlannedDecision, inputs_body, plan_body
from controller.decision.planning.plan import Plan
from controller.http.handlers.decisions import instant_of
from controller.http.published_state import PublishedState
from controller.http.responses import Missing, json_answer
from controller.store.codec import micros


async def why(board: PublishedState, request: web.Request) -> web.Response:
    """Return the plan of the last tick, or with `at` the newest decision recorded at or before that instant."""
    name, fleet = request.match_info["name"], board.fleet
    if name not in board.policy_names:
        raise Missing(f"the policy has no pool called {name[:80]!a}")
    at = instant_of("at", request.query.get("at"))
    plan = None if fleet is None else fleet.plans.get(name)
    if fleet is not None and plan is not None and (at is None or at >= plan.at):
        record = live(plan, board.journal.with_grounds(plan, fleet.inputs.get(name, {})))
        return json_answer({"pool": name, "asked_for": at, "recorded": False, "record": record})
    if at is None:
        raise web.HTTPServiceUnavailable(reason="no plan yet: the first tick is running")
    rows = await board.store.run(board.store.store.decisions, name, None, 1, (micros(at) + 1, 0))
    if not rows:
        raise Missing(f"no stored decision for {name} at or before {at.isoformat()}")
    return json_answer({"pool": name, "asked_for": at, "recorded": True, "record": rows[0]})


def live(plan: Plan, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The plan of the last tick in the shape of a recorded decision."""
    made = inputs.get("made")
    body = inputs_body(made, plan) if isinstance(made, PlannedDecision) else {}
    if "weighed" in inputs:
        body["weighed"] = inputs["weighed"]
    return {"pool": plan.pool, "at": plan.at.isoformat(), **plan_body(plan), "inputs": body}
