"""A server with the answers of Prometheus' HTTP API, over real HTTP, that can be late, partial and wrong."""

import contextlib
import re
from email.utils import format_datetime

from aiohttp import web

from adapters.prometheus.client import PrometheusClient
from adapters.prometheus.demand_source import PrometheusDemand
from adapters.prometheus.settings import PrometheusSettings
from adapters.runtime.clock import ManualClock
from forecasting.demand import minute_of
from tests.builders import NOON
from tests.patience import PATIENCE_SECONDS
from tests.web_servers import served

PEAK = 'sum(max_over_time(in_flight{app="{pool}"}[1m]))'
UP = "min_over_time(up[1m])"
MOST_POINTS = 11_000
JOINED = re.compile(r'label_replace\(\((.*?)\n\), "stoker_query", "(\d+)", "", ""\)')
START = minute_of(NOON)


class FakePrometheus:
    """`data`: query -> series, each a mapping from minute to value. `clock`: that of the server, which `Date` states."""

    def __init__(self, clock):
        self.clock, self.data, self.asked, self.authorizations = clock, {}, [], []
        self.wrong, self.most_joined, self.date = set(), 1000, None
        self.answer = None
        """Called with the request in place of the usual answer."""

    async def respond(self, request):
        form = await request.post()
        self.asked.append(form["query"])
        self.authorizations.append(request.headers.get("Authorization"))
        date = {"Date": self.date or format_datetime(self.clock.now(), usegmt=True)}
        if self.answer is not None:
            return await self.answer(request)
        start, end, step = (int(form[key]) for key in ("start", "end", "step"))
        if (end - start) // step > MOST_POINTS:
            return web.json_response({"status": "error", "errorType": "bad_data", "error": "too many points"}, status=400,
                                     headers=date)
        queries = JOINED.findall(form["query"]) or [(form["query"], "")]
        if len(queries) > self.most_joined or any(query in self.wrong for query, _ in queries):
            return web.json_response({"status": "error", "error": "parse error"}, status=400, headers=date)
        result = [{"metric": ({"pod": str(number)} if number else {}) | ({"stoker_query": label} if label else {}),
                   "values": [[at, str(series[at // 60 - 1])] for at in range(start, end + 1, step) if at // 60 - 1 in series]}
                  for query, label in queries for number, series in enumerate(self.data.get(query, []))]
        body = {"status": "success", "data": {"resultType": "matrix", "result": [each for each in result if each["values"]]}}
        return web.json_response(body, headers=date)


def settings_of(url, **changes):
    return PrometheusSettings.model_validate({"kind": "prometheus", "url": url, "peak": PEAK} | changes)


@contextlib.asynccontextmanager
async def stage(pools=("agent",), environment=None, seconds=PATIENCE_SECONDS, ledgers=None, **changes):
    """Yield the server, its source and the clock of both, at noon."""
    clock = ManualClock(NOON)
    fake = FakePrometheus(clock)
    async with served(fake.respond) as url:
        settings = settings_of(url, **changes)
        client = PrometheusClient(settings, clock, environment or {}, seconds)
        try:
            yield fake, PrometheusDemand(client, clock, dict.fromkeys(pools, settings), ledgers or {}), clock
        finally:
            await client.close()
