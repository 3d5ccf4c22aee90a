"""Checks of `stoker doctor` at a Prometheus server: the server, its clock, and the queries of each pool over the last hour."""

from urllib.parse import urlsplit

import numpy as np

from adapters.ports.diagnostics import Finding, Verdict, clock_finding
from adapters.ports.errors import AdapterError
from adapters.prometheus.client import PrometheusClient
from adapters.prometheus.demand_rows import Columns, demand_of, lowest, number
from adapters.prometheus.demand_source import only, queries_of
from adapters.prometheus.settings import AUTHENTICATIONS, PrometheusSettings
from adapters.runtime.clock import Clock
from forecasting.demand import minute_of

HOUR, UNSETTLED = 60, 2
"""Minutes that are read, and the newest of them, which need no point yet."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")


async def server(client: PrometheusClient, clock: Clock, settings: PrometheusSettings) -> list[Finding]:
    """Return the findings on access, clock and secrets of the server: one query of a constant."""
    subject = f"Prometheus at {client.url}"
    findings = []
    if settings.url.startswith("http:") and urlsplit(settings.url).hostname not in LOOPBACK and secret(settings):
        findings.append(Finding("credentials", subject, Verdict.WARN, "secrets are sent over http:// without encryption",
                                "use https://, or a proxy on this machine that adds them"))
    try:
        access = await client.access.read()
        async with client.slots:
            minute = minute_of(clock.now())
            await client.range_query(access, "a test query", "vector(1)", minute - 1, minute)
        findings.append(Finding("credentials", subject, Verdict.OK, "the server accepts queries"))
    except AdapterError as error:
        findings.append(Finding("credentials", subject, Verdict.FAIL, str(error)))
    if client.dated is not None:
        findings.append(clock_finding(subject, client.dated.date, client.dated.at))
    return findings


async def queries(client: PrometheusClient, clock: Clock, pool: str, settings: PrometheusSettings) -> list[Finding]:
    """Return the findings on the queries of one pool over the last hour. Raise `AdapterError` when one fails."""
    access, end = await client.access.read(), minute_of(clock.now())
    findings, columns = [], {}
    for setting, query in queries_of(pool, settings).items():
        what = f"{setting} of pool {pool}"
        async with client.slots:
            series = (await client.range_query(access, what, query, end - HOUR, end)).series
        if setting == "proof":
            columns[setting] = lowest([each.values for each in series], HOUR)
            continue
        columns[setting] = only(series, what, HOUR)
        if series and series[0].labels:
            findings.append(Finding("query", what, Verdict.WARN, f"its series has the labels {', '.join(series[0].labels)}: a "
                                    "second series with other values would make it fail", "aggregate it: sum(…)"))
    return [*findings, *points(pool, settings, Columns(**columns))]


def points(pool: str, settings: PrometheusSettings, columns: Columns) -> list[Finding]:
    """Return the findings on the points of the last hour."""
    proving = "peak" if settings.proof is None else "proof"
    rows, absent = demand_of(columns, 0)
    known, seen = int(rows.known.sum()), int((~absent).sum())
    text = f"{known} of {HOUR} minutes are known, {seen} have a point of peak"
    if not known:
        return [Finding("metrics", pool, Verdict.FAIL, f"{proving} proves none of the last {HOUR} minutes: {text}",
                        f"correct {proving}, or check that Prometheus collects the metrics; if the metrics end while the pool is "
                        "idle, add a proof query")]
    if not seen:
        return [Finding("metrics", pool, Verdict.WARN, f"{text}, so the pool counts as idle: that is also the result of a wrong "
                        "name of a metric or label in peak", "send a request, and run this check again")]
    findings = []
    if known < HOUR - UNSETTLED:
        findings.append(Finding("metrics", pool, Verdict.WARN, f"{text}: the others are unknown, and capacity is not lowered for "
                                "them", "check the scrape interval (at most 1 min) and the range of the queries"))
    invalid = int((~absent & ~number(columns.peak)).sum())
    if invalid:
        findings.append(Finding("metrics", pool, Verdict.WARN, f"peak is NaN, infinite or negative in {invalid} of {HOUR} "
                                "minutes, which are unknown", "correct the query: 0 / 0 is NaN"))
    missing = [name for name in ("busy", "requests") if (column := getattr(columns, name)) is not None
               and np.isnan(column[rows.peak > 0]).all() and (rows.peak > 0).any()]
    if missing:
        findings.append(Finding("metrics", pool, Verdict.WARN, f"{' and '.join(missing)} had no point while peak was above 0",
                                "correct the query, and use a range that contains two scrapes, such as [2m]"))
    return findings or [Finding("metrics", pool, Verdict.OK, text)]


def secret(settings: PrometheusSettings) -> bool:
    """Return whether requests carry a secret that another party could use again."""
    return bool(settings.headers_from) or any(getattr(settings, name) is not None for name in AUTHENTICATIONS if name != "sigv4")
