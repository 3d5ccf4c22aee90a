"""`/status`, `/v1/pools` and `/v1/pools/{name}`: capacity, target and reasons."""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from aiohttp import web
from aiohttp.helpers import ETag

from config.model.layers import in_file_keys
from controller.accounting.ledger import NAMES
from controller.accounting.totals import Totals
from controller.decision.costs.keep_alive import keep_alive_body
from controller.decision.costs.kinds import KIND_OF_MODE
from controller.decision.planning.record.codec import proposal_summary
from controller.fleet.fleet import Fleet
from controller.fleet.readings import readings_of
from controller.fleet.reconciler import Reconciler
from controller.http.components import Components
from controller.http.published_state import PublishedState
from controller.http.responses import json_answer, json_bytes
from controller.http.status_entries import pool_entry


async def status(published: PublishedState, request: web.Request) -> web.Response:
    """Return every pool, the totals, the tick and the cost of reading metrics, as of the last tick; 304 if unchanged.

    With `wait`, return when it differs from If-None-Match, or from the status at the time of the request.
    """
    initial, conditional = published.bodies.status, request.if_none_match is not None

    def changed() -> bool:
        status = published.bodies.status
        return not status.known_to(request) if conditional else status is not initial
    await published.long_poll.wait(request, changed)
    return await published.bodies.status.answer(request)


async def pools(published: PublishedState, _: web.Request) -> web.Response:
    """Return all pools, as in `/status`."""
    return json_bytes(published.bodies.pools)


async def pool(published: PublishedState, request: web.Request) -> web.Response:
    """Return one pool as of now: its entry, the reasons of its last plan, its policy, measurements and accounts.

    With `wait`, return when its state differs from If-None-Match, or from that at the time of the request; 304 if it does not.
    """
    name, components = published.pool_of(request)
    known = [tag.value for tag in request.if_none_match or () if "wait" in request.query]
    initial = state_tag(components.fleet, name, published.clock.now())
    await published.long_poll.wait(
        request, lambda: state_tag(components.fleet, name, published.clock.now()) not in (known or [initial]))
    tag = state_tag(components.fleet, name, published.clock.now())
    answer = web.Response(status=304) if tag in known else json_answer(detail(components, name, published.clock.now()))
    answer.etag = ETag(tag, is_weak=True)
    return answer


def state_tag(fleet: Fleet, name: str, now: datetime) -> str:
    """Return the ETag of a pool: a hash of capacity, plan, overrides, errors and freshness, without demand, cost and ages."""
    reconciler, top = fleet.reconcilers[name], fleet.tops.get(name)
    facts = (*layer_state(fleet, reconciler), *(() if top is None else layer_state(fleet, top)),
             tuple(each for each in reconciler.overrides if each.until > now),
             fleet.region_of[name].collector.freshness(name, now)[0])
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def layer_state(fleet: Fleet, reconciler: Reconciler) -> Iterator[object]:
    """Yield capacity, plan and errors of a pool, or of its upper layer."""
    plan = fleet.plans.get(reconciler.policy.name)
    yield from (None if each is None else (each.requested, each.ready, each.phase, each.others)
                for each in readings_of(reconciler))
    yield None if plan is None else (plan.action, plan.target, tuple(reason.code for reason in plan.reasons))
    yield from (str(reconciler.error), fleet.faults.get(reconciler.policy.name))


def detail(components: Components, name: str, now: datetime) -> dict[str, Any]:
    """Return a pool in full, and request a new forecast of it."""
    fleet, accounts, forecasts = components.fleet, components.accounts, components.forecasts
    forecasts.rotation.request(name)
    reconciler, plan, region = fleet.reconcilers[name], fleet.plans.get(name), fleet.region_of[name]
    entry: dict[str, Any] = pool_entry(fleet, components.figures, components.decision_log, forecasts, name, now)
    totals = Totals(KIND_OF_MODE[reconciler.policy.mode])
    totals.add(entry)
    if (top := fleet.tops.get(name)) is not None:
        above = fleet.plans.get(top.policy.name)
        entry["pings_reasons"] = [] if above is None else [reason.body for reason in above.reasons]
    entry |= {
        "as_of": now,
        "reasons": [] if plan is None else [reason.body for reason in plan.reasons],
        "proposal": None if plan is None or plan.proposal is None else proposal_summary(plan.proposal),
        "policy": in_file_keys(reconciler.policy),
        "traits": asdict(reconciler.traits),
        "keep_alive": keep_alive_body(fleet.keep_alive(name)),
        "lead_times_seconds": list(reconciler.lead_seconds),
        "source": region.collector.source.kind,
        "metric_delay_seconds": region.collector.metric_delay,
        "accounts": {KIND_OF_MODE[mode]: {"today": dict(zip(NAMES, today, strict=True)),
                                          "month": dict(zip(NAMES, month, strict=True))}
                     for mode, (today, month) in accounts.by_mode(name).items()},
        "sentence": totals.entry()["sentence"],
        "display": components.policy.display.body(),
    }
    return entry
