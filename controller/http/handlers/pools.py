"""`/status`, `/v1/pools` and `/v1/pools/{name}`: what is warm, what is wanted, and why."""

import hashlib
from dataclasses import asdict
from typing import Any

from aiohttp import web
from aiohttp.helpers import ETag

from controller.accounting.ledger import NAMES, Ledger
from controller.decision.costs.keep_alive import keep_alive_body
from controller.fleet.fleet import Fleet
from controller.forecasts.service import Forecasts
from controller.http.published_state import PublishedState
from controller.http.responses import Missing, json_answer, json_bytes
from controller.http.status_entries import pool_entry


async def status(board: PublishedState, request: web.Request) -> web.Response:
    """Every pool, the totals, the last tick and what reading metrics costs, as of the last tick; 304 to who has that.

    With `wait`, once that is another one than the caller has, or than it was when asked.
    """
    had = board.status
    asked = request.if_none_match is not None
    await board.long_poll.wait(request, lambda: not board.status.known_to(request) if asked else board.status is not had)
    return await board.status.answer(request)


async def pools(board: PublishedState, _: web.Request) -> web.Response:
    """Return all pools, as in `/status`."""
    return json_bytes(board.pools)


async def pool(board: PublishedState, request: web.Request) -> web.Response:
    """One pool as it is now: its entry, the trail of its last plan, its policy, what was measured, and its accounts.

    With `wait`, once what counts of it is another than the caller has, or than it was when asked; 304 when it is not.
    """
    name = request.match_info["name"]
    at_work(board, name)
    had = stands(board, name)
    asked = [tag.value for tag in request.if_none_match or () if "wait" in request.query]
    await board.long_poll.wait(request, lambda: stands(board, name) not in (asked or [had]))
    tag = stands(board, name)
    answer = web.Response(status=304) if tag in asked else json_answer(detail(board, name))
    answer.etag = ETag(tag, is_weak=True)
    return answer


def stands(board: PublishedState, name: str) -> str:
    """Names what counts of a pool: capacity, plan, orders and errors. Demand, money and ages change without a change of these."""
    fleet, _, _ = at_work(board, name)
    reconciler, plan, now = fleet.reconcilers[name], fleet.plans.get(name), board.clock.now()
    capacity = reconciler.capacity
    facts = (None if capacity is None else (capacity.requested, capacity.ready, capacity.phase, capacity.others),
             None if plan is None else (plan.action, plan.target, tuple(reason.code for reason in plan.reasons)),
             tuple(each for each in reconciler.overrides if each.until > now), str(reconciler.error), fleet.faults.get(name),
             fleet.region_of[name].collector.freshness(name, now)[0])
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def detail(board: PublishedState, name: str) -> dict[str, Any]:
    """All that is known of a pool."""
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
        "keep_alive": keep_alive_body(fleet.keep_alive(name)),
        "lead_times_seconds": list(reconciler.lead_seconds),
        "source": region.collector.source.kind,
        "metric_delay_seconds": region.collector.metric_delay,
        "today": dict(zip(NAMES, today, strict=True)), "month": dict(zip(NAMES, month, strict=True)),
    }
    return entry


def at_work(board: PublishedState, name: str) -> tuple[Fleet, Ledger, Forecasts]:
    """What knows the pool called `name`; 404 where none does, 503 while the daemon starts."""
    fleet, accounts, forecasts = board.fleet, board.accounts, board.forecasts
    if fleet is None or accounts is None or forecasts is None:
        raise web.HTTPServiceUnavailable(reason="starting: history is being loaded")
    if name not in fleet.reconcilers:
        raise Missing(f"the policy has no pool called {name[:80]!a}")
    return fleet, accounts, forecasts
