"""Rows of the metrics that exist by kind: actual ones of active pools, simulated ones of pools in shadow mode."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime

import numpy as np

from adapters.ports.lever import MeasuresRounds, PingRounds
from controller.accounting.figures import AT, projected
from controller.accounting.ledger import NAMES, Ledger
from controller.decision.costs.kinds import KIND_OF_MODE, Kind, Mode
from controller.fleet.reconciler import Reconciler

MODE_OF_KIND: dict[Kind, Mode] = {kind: mode for mode, kind in KIND_OF_MODE.items()}

Row = tuple[str, float]
"""Labels in the text format without braces, and the value; rows with NaN are omitted."""


def kind_rows(kind: Kind, labelled: Sequence[tuple[Reconciler, str]], tops: Mapping[str, Reconciler],
              now: datetime) -> dict[str, list[Row]]:
    """Return the rows of capacity, budget and writes of the pools and upper layers of one mode, with their labels. Both layers
    spend the budget of a pool; `tops`: the upper ones by pool.
    """
    rows: dict[str, list[Row]] = {f"stoker_{kind}_{name}": [] for name in ("usd_per_hour", "budget_spent_usd", "writes_total")}
    hourly, spent, writes = rows.values()
    requested, ready, last_write = [], [], []
    rounds: list[tuple[str, PingRounds]] = []
    for reconciler, label in labelled:
        capacity, state = reconciler.capacity, reconciler.state
        if capacity is not None:
            hourly.append((label, (capacity.ready + capacity.others) * reconciler.usd_per_unit_minute * 60))
            requested.append((label, float(capacity.requested)))
            ready.append((label, float(capacity.ready)))
        if reconciler.policy.budget_usd_per_month is not None:
            states = [state, *(tops[name].state for name in (reconciler.policy.name,) if name in tops)]
            spent.append((label, sum(each.spent_usd for each in states if each.month == f"{now:%Y-%m}")))
        if state.written_at is not None:
            last_write.append((label, state.written_at.timestamp()))
        if isinstance(reconciler.lever, MeasuresRounds):
            rounds.append((label, reconciler.lever.rounds()))
        writes += [(f'{label},outcome="{outcome}"', count) for outcome, count in sorted(dict(reconciler.outcomes).items())]
    if kind == "simulated":
        return rows | {"stoker_simulated_requested_units": requested, "stoker_simulated_ready_units": ready}
    return rows | round_rows(rounds) | {"stoker_last_write_timestamp_seconds": last_write}


def round_rows(rounds: Sequence[tuple[str, PingRounds]]) -> dict[str, list[Row]]:
    """Return the rows of rounds of pings, from what levers measured, with the labels of their pools."""
    return {
        "stoker_ping_pause_seconds": [(label, seen.pause.total_seconds()) for label, seen in rounds],
        "stoker_ping_hold_seconds": [(label, seen.hold.total_seconds()) for label, seen in rounds],
        "stoker_ping_blackout_seconds_total": [(label, seen.blackout_seconds) for label, seen in rounds],
        "stoker_ping_blackout_requests_total": [(label, seen.blackout_requests) for label, seen in rounds
                                                if seen.blackout_requests is not None],
    }


def account_rows(accounts: Ledger, names: Sequence[str]) -> dict[str, Iterable[Row]]:
    """Return the rows of sums of the month, and of counters since the start, each under the mode in which it was counted."""
    rows: dict[str, Iterable[Row]] = {}
    for kind, mode in MODE_OF_KIND.items():
        present = [name for name in names if accounts.modes[name] == mode]
        earlier = {name: sums[mode][1] for name in names if mode in (sums := accounts.earlier(name))}
        labels = [f'pool="{name}",mode="{mode}"' for name in (*present, *earlier)]
        month = np.concatenate((accounts.months(present), np.array(list(earlier.values())).reshape(-1, len(NAMES))))
        days = {accounts.group_of(name).day for name in (*present, *earlier)}
        rows |= {f"stoker_{kind}_{name}": zip(labels, values.tolist(), strict=True)
                 for name, values in month_columns(month, max(days, default=date.min))}
        rows |= counter_rows(accounts, kind, present, labels[: len(present)])
    return rows


def month_columns(month: np.ndarray, day: date) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name without kind of each metric of the month of `day`, and its values: float64[pools]. `month`: the sums,
    float64[pools, NAMES].
    """
    bill, without = month[:, AT["bill_usd"]], month[:, AT["bill_without_stoker_usd"]]
    yield from (("bill_month_usd", bill), ("bill_without_stoker_month_usd", without), ("saved_month_usd", without - bill))
    yield "bill_projected_month_usd", projected(month, day)
    yield from ((f"{name}_month", month[:, AT[name]]) for name in ("cold_starts", "cold_starts_without_stoker"))
    yield from ((f"{kind}_unit_seconds_month", 60 * month[:, AT[f"{kind}_unit_minutes"]]) for kind in ("warm", "idle"))


def counter_rows(accounts: Ledger, kind: Kind, names: Sequence[str], labels: Sequence[str]) -> dict[str, Iterable[Row]]:
    """Return the rows of counters since the start, of pools of one mode with their labels."""
    table, prefix = accounts.since_start(names), f"stoker_{kind}"
    rows: dict[str, Iterable[Row]] = {
        f"{prefix}_{name}_total": zip(labels, table[:, AT[name]].tolist(), strict=True)
        for name in ("warm_hits", "cold_starts", "cold_starts_during_pings", "cold_start_cost_usd")}
    warm, idle, beyond, whole, requests, pings = (
        table[:, AT[name]] for name in ("warm_usd", "idle_usd", "on_demand_usd", "bill_usd", "request_usd", "ping_usd"))
    parts = {"idle": idle, "warm_work": warm - idle, "on_demand_work": beyond,
             "init": np.maximum(0.0, whole - warm - beyond - requests - pings), "requests": requests, "pings": pings}
    rows[f"{prefix}_bill_usd_total"] = [(f'{label},kind="{part}"', value) for part, values in parts.items()
                                        for label, value in zip(labels, values.tolist(), strict=True)]
    return rows
