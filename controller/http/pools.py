"""`/status`, `/v1/pools` and `/v1/pools/{name}`: what is warm, what is wanted, and why."""

from dataclasses import asdict
from typing import Any

from aiohttp import web

from controller.accounts import NAMES, Accounts
from controller.fleet import Fleet
from controller.forecasts import Forecasts
from controller.http.answers import Missing, json_answer, json_bytes
from controller.http.board import Board
from controller.http.entries import pool_entry


async def status(board: Board, request: web.Request) -> web.Response:
    """Every pool, the totals, the last tick and what reading metrics costs, as of the last tick; 304 to who has that."""
    if any(tag.value == board.status_tag for tag in request.if_none_match or ()):
        answer = web.Response(status=304)
    else:
        answer = json_bytes(board.status_body)
    answer.etag = board.status_tag
    return answer


async def pools(board: Board, _: web.Request) -> web.Response:
    """Every pool, as in `/status`."""
    return json_bytes(board.pools_body)


async def pool(board: Board, request: web.Request) -> web.Response:
    """One pool as it is now: its entry, the trail of its last plan, its policy, what was measured, and its accounts."""
    name = request.match_info["name"]
    fleet, accounts, forecasts = at_work(board, name)
    forecasts.want(name)
    reconciler, plan, region = fleet.reconcilers[name], fleet.plans.get(name), fleet.region_of[name]
    today, month = accounts.row(name)
    now = board.clock.now()
    entry: dict[str, Any] = pool_entry(fleet, accounts, board.journal, forecasts, name, now)
    entry |= {
        "as_of": now,
        "reasons": [] if plan is None else plan.reasons,
        "proposal": None if plan is None else plan.proposal,
        "policy": reconciler.policy.model_dump(mode="json"),
        "traits": asdict(reconciler.traits),
        "lead_times_seconds": list(reconciler.lead_seconds),
        "source": region.intake.source.kind,
        "metric_delay_seconds": region.intake.metric_delay,
        "today": dict(zip(NAMES, today, strict=True)), "month": dict(zip(NAMES, month, strict=True)),
    }
    return json_answer(entry)


def at_work(board: Board, name: str) -> tuple[Fleet, Accounts, Forecasts]:
    """What knows the pool called `name`; 404 where none does, 503 while the daemon starts."""
    fleet, accounts, forecasts = board.fleet, board.accounts, board.forecasts
    if fleet is None or accounts is None or forecasts is None:
        raise web.HTTPServiceUnavailable(reason="starting: history is being loaded")
    if name not in fleet.reconcilers:
        raise Missing(f"the policy has no pool called {name[:80]!a}")
    return fleet, accounts, forecasts
