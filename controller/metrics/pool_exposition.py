"""Metrics of pools, written as text line by line: 10,000 pools have 500,000 samples per scrape, and one object of the library
per sample would take 10 times as long.

Signals are escaped. Pool names, modes, quantiles and codes need no escaping, by `config.model.policy.NAME` and the enumerations.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain

import numpy as np

from adapters.runtime.clock import Clock
from controller.accounting.ledger import Ledger
from controller.decision.planning.missing_metrics import exceeds_missing_limit
from controller.decision.planning.observation import DataFreshness
from controller.decision.planning.plan import Action, Plan
from controller.decision.planning.reason_codes import ReasonCode
from controller.fleet.fleet import Fleet
from controller.fleet.readings import readings_of
from controller.fleet.reconciler import Reconciler
from controller.forecasts.accuracy_tracker import ForecastAccuracy
from controller.forecasts.capacity_forecast import SCORED_LEVELS
from controller.metrics.catalogue import POOL_FAMILIES, Family
from controller.metrics.rows_by_kind import MODE_OF_KIND, Row, account_rows, kind_rows
from controller.redaction.redactor import redact_text
from forecasting.demand import minute_of

REMARKS = frozenset({ReasonCode.PROPOSED, ReasonCode.SHORT_HISTORY, ReasonCode.NOT_READ, ReasonCode.KEPT_BY_OTHERS,
                     ReasonCode.DELETES_SETTING})
"""Reasons that state the start of a plan, and do not limit it."""

def pool_lines(fleet: Fleet, accounts: Ledger, accuracy: ForecastAccuracy, clock: Clock) -> str:
    """Return the text of all families of pools, as of now."""
    now = clock.now()
    names = list(fleet.reconcilers)
    labels = [f'pool="{name}",mode="{fleet.reconcilers[name].policy.mode}"' for name in names]
    tops = {f'pool="{each.policy.name}",mode="{each.policy.mode}"': each for each in fleet.tops.values()}
    facts = list(zip(*(pool_facts(fleet, name, now) for name in names), strict=True))
    rows: dict[str, Iterable[Row]] = {name: zip(labels, column, strict=True) for name, column in zip(FACTS, facts, strict=True)}
    for name, above in top_rows(fleet, tops, now).items():
        rows[name] = chain(rows[name], above)
    rows |= signal_rows(fleet, dict(zip(names, labels, strict=True)), now)
    rows |= account_rows(accounts, names) | forecast_rows(accuracy, names, labels, now)
    layers = [*zip(fleet.reconcilers.values(), labels, strict=True), *((each, label) for label, each in tops.items())]
    for kind, mode in MODE_OF_KIND.items():
        rows |= kind_rows(kind, [(each, label) for each, label in layers if each.policy.mode == mode], fleet.tops,
                          now)
    rows["stoker_push_senders"] = sender_rows(fleet, zip(names, labels, strict=True))
    rows["stoker_guardrail_active"] = guardrail_rows(fleet, [(each.policy.name, label) for each, label in layers])
    return "".join(text for family in POOL_FAMILIES for text in family_lines(family, rows[family.name]))


def family_lines(family: Family, rows: Iterable[Row]) -> Iterator[str]:
    """Yield a family in the Prometheus text format; one without samples has only its head."""
    yield f"# HELP {family.name} {family.text}\n# TYPE {family.name} {family.kind}\n"
    name = family.name
    yield "".join([f"{name}{{{labels}}} {float(value)!r}\n" for labels, value in rows if math.isfinite(value)])


FACTS = (
    "stoker_demand_peak_units", "stoker_demand_busy_units", "stoker_data_age_seconds", "stoker_metrics_fresh",
    "stoker_metrics_quiet", "stoker_telemetry_broken", "stoker_forecast_age_seconds", "stoker_proposed_units",
    "stoker_target_units", "stoker_actual_requested_units", "stoker_actual_ready_units", "stoker_others_units",
    "stoker_capacity_age_seconds", "stoker_floor_units", "stoker_ceiling_units", "stoker_lead_time_seconds",
    "stoker_pool_active", "stoker_pool_overrides", "stoker_pool_failing", "stoker_pool_metrics_missing", "stoker_budget_usd",
    "stoker_objective_warm_hit_ratio",
)
"""Families of the values that `pool_facts` returns, in its order."""


OF_TOPS = ("stoker_proposed_units", "stoker_target_units", "stoker_actual_requested_units", "stoker_actual_ready_units",
           "stoker_capacity_age_seconds", "stoker_lead_time_seconds", "stoker_pool_active", "stoker_pool_failing")
"""Those of `FACTS` that upper layers have under a name of their own. Demand, bounds and accounts are those of the pool."""


OF_SIGNALS = ("stoker_leading_signal", "stoker_leading_signal_age_seconds", "stoker_leading_signal_failing",
              "stoker_leading_signal_followed")
"""Families of leading signals."""


def pool_facts(fleet: Fleet, name: str, now: datetime) -> tuple[float, ...]:
    """Return the values of one pool in the order of `FACTS`, NaN if unknown."""
    reconciler, region, plan = fleet.reconcilers[name], fleet.region_of[name], fleet.plans.get(name)
    capacity, lead = readings_of(reconciler).actual, reconciler.lead_time
    freshness, age = region.collector.freshness(name, now)
    peak, busy = region.collector.latest(name) or (math.nan, math.nan)
    policy = reconciler.policy
    return (
        peak, busy, math.nan if age is None else age.total_seconds(), freshness is DataFreshness.FRESH,
        freshness is DataFreshness.QUIET, freshness is DataFreshness.BROKEN,
        since(region.followed_at, now), math.nan if plan is None or plan.proposal is None else plan.proposal.target,
        math.nan if plan is None or plan.target is None else plan.target,
        math.nan if capacity is None else capacity.requested, math.nan if capacity is None else capacity.ready,
        math.nan if capacity is None else capacity.others,
        since(None if capacity is None else capacity.observed_at, now), policy.min, policy.max,
        math.nan if lead is None else lead.total_seconds(), policy.mode == "active",
        sum(each.until > now for each in reconciler.overrides),
        reconciler.error is not None or name in region.collector.errors or name in fleet.faults,
        exceeds_missing_limit(policy, region.collector.missing_since(name, now), now),
        unknown(policy.budget_usd_per_month), unknown(policy.objective.warm_hit_rate),
    )


def top_rows(fleet: Fleet, tops: Mapping[str, Reconciler], now: datetime) -> dict[str, list[Row]]:
    """Return the rows of the capacity and the plans of upper layers, by the name of the family. `tops`: by label."""
    rows: dict[str, list[Row]] = {name: [] for name in OF_TOPS}
    for label, top in tops.items():
        plan, capacity, lead = fleet.plans.get(top.policy.name), readings_of(top).actual, top.lead_time
        values = (
            math.nan if plan is None or plan.proposal is None else plan.proposal.target,
            math.nan if plan is None or plan.target is None else plan.target,
            math.nan if capacity is None else capacity.requested, math.nan if capacity is None else capacity.ready,
            since(None if capacity is None else capacity.observed_at, now), math.nan if lead is None else lead.total_seconds(),
            top.policy.mode == "active", top.error is not None or top.policy.name in fleet.faults,
        )
        for name, value in zip(OF_TOPS, values, strict=True):
            rows[name].append((label, value))
    return rows


def unknown(value: float | None) -> float:
    """Return NaN for None."""
    return math.nan if value is None else value


def forecast_rows(accuracy: ForecastAccuracy, names: Sequence[str], labels: Sequence[str], now: datetime) -> dict[str,
                                                                                                                   Iterable[Row]]:
    """Return the rows of the forecast for this minute, and of the loss of earlier forecasts."""
    rows = np.array([accuracy.row[name] for name in names], np.int64)
    forecast, judged = accuracy.at(rows, minute_of(now)), accuracy.judged[rows]
    loss = np.where(judged[:, None] > 0, accuracy.loss[rows], np.nan)

    def by_level(values: np.ndarray) -> list[Row]:
        return [(f'{label},level="{level}"', value) for at, level in enumerate(SCORED_LEVELS)
                for label, value in zip(labels, values[:, at].tolist(), strict=True)]

    return {"stoker_forecast_peak_units": by_level(forecast), "stoker_forecast_pinball_loss_units_total": by_level(loss),
            "stoker_forecast_scored_total": zip(labels, judged.tolist(), strict=True)}


def signal_rows(fleet: Fleet, labels: Mapping[str, str], now: datetime) -> dict[str, Iterable[Row]]:
    """Return the rows of the leading signals of each pool. `labels`: by pool."""
    rows: dict[str, list[Row]] = {name: [] for name in OF_SIGNALS}
    for pool, label in labels.items():
        lead = None if (plan := fleet.plans.get(pool)) is None else plan.lead
        for each in () if fleet.leads is None else fleet.leads.states(pool, now):
            text = redact_text(each.name).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
            values = (unknown(each.value), math.nan if each.age is None else each.age.total_seconds(), each.error != "",
                      lead is not None and lead.applies and lead.name == each.name)
            for name, value in zip(OF_SIGNALS, values, strict=True):
                rows[name].append((f'{label},signal="{text}"', value))
    return dict(rows)


def sender_rows(fleet: Fleet, labelled: Iterable[tuple[str, str]]) -> list[Row]:
    """Return the senders of each pool whose demand is pushed, a row for each state."""
    pushed = ((label, reports.senders(name)) for name, label in labelled
              if (reports := fleet.region_of[name].reports) is not None)
    return [(f'{label},state="{state}"', float(count)) for label, states in pushed for state, count in states.items()]


def guardrail_rows(fleet: Fleet, labelled: Iterable[tuple[str, str]]) -> list[Row]:
    """Return a row for each reason that changed or held the last plan of a pool, or of an upper layer."""
    return [(f'{label},reason="{code.value}"', 1.0) for name, label in labelled
            for code in binding_codes(fleet.plans.get(name))]


def binding_codes(plan: Plan | None) -> list[ReasonCode]:
    """Return the reasons that changed the target of a plan, and the reason that held it."""
    if plan is None:
        return []
    codes = {each.code for each in plan.reasons if each.code not in REMARKS and each.before != each.after}
    if plan.action is Action.HOLD:
        codes |= {plan.reasons[-1].code} - REMARKS
    return sorted(codes)


def since(instant: datetime | None, now: datetime) -> float:
    """Return the seconds since an instant, NaN without one."""
    return math.nan if instant is None else (now - instant).total_seconds()
