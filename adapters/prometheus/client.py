"""HTTP client of one Prometheus server: range queries by minute, with limits of time and size.

The value of a minute is that of the timestamp at its end, so that a range of `[1m]` covers the minute. Timestamps are whole
minutes: front ends of Thanos and VictoriaMetrics move others. A sample at exactly a full minute counts in the minute before it,
and up to Prometheus 2 in both.
"""

import asyncio
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import urlencode

import aiohttp

from adapters.ports.diagnostics import SKEW_FAIL, Dated, skew_words
from adapters.ports.errors import AdapterError, Unreachable, Unsupported
from adapters.prometheus.access import Access, AccessReader
from adapters.prometheus.answers import Series, refusal, series_of
from adapters.prometheus.settings import PrometheusSettings
from adapters.runtime.call_counter import CallCounter
from adapters.runtime.clock import Clock
from adapters.runtime.web_environment import certificates_fault, proxy_fault, proxy_of, proxy_url
from config.model.credentials import Credentials
from forecasting.demand import minute_of

AT_ONCE = 8
"""Requests at once: Prometheus runs 20 queries at once for all its clients, by default."""

CONNECT_SECONDS, TOTAL_SECONDS = 5.0, 30.0
MOST_BYTES = 8 << 20
IN_LOOP = 32 << 10
"""Bytes of an answer that is parsed on the event loop, which takes 1 ms; a larger one is parsed in a thread."""


class NoResponse(Unreachable):
    """The server did not respond. Others may not respond either, so a collection ends after a few."""


class Answer(NamedTuple):
    """Series of one query. `end`: minute that the server's clock has reached, whose points are incomplete; None: unknown."""

    series: list[Series]
    end: int | None


class PrometheusClient:
    """Connections to one server. `seconds`: timeout of one request. `credentials`: those of its pools at a cloud."""

    def __init__(self, settings: PrometheusSettings, clock: Clock, environment: Mapping[str, str] = os.environ,
                 seconds: float = TOTAL_SECONDS, credentials: Credentials | None = None) -> None:
        self.url, self._clock, self.calls = settings.url.rstrip("/"), clock, CallCounter()
        self.access = AccessReader(settings, clock, environment, credentials)
        self.dated: Dated | None = None
        """`Date` of the last response."""
        self._server_name = None if settings.tls is None else settings.tls.server_name
        self._seconds = seconds
        self.slots = asyncio.Semaphore(AT_ONCE)
        """To be held during a request."""
        self._session: aiohttp.ClientSession | None = None

    async def range_query(self, access: Access, setting: str, query: str, first: int, end: int) -> Answer:
        """Return the values of `query` for the minutes from `first` up to `end`, at most 11,000. `setting`: for error messages.

        Redirects are not followed, and nothing is retried. Raise `AdapterError`.
        """
        what = f"{setting} at {self.url}"
        form = {"query": query, "start": str((first + 1) * 60), "end": str(end * 60), "step": "60",
                "timeout": f"{max(1.0, self._seconds - CONNECT_SECONDS):g}s"}
        try:
            with self.calls.counting("prometheus", "query_range"):
                body, dated = await self._sent(access, what, urlencode(form).encode())
            if len(body) <= IN_LOOP:
                series = series_of(body, what, first, end)
            else:
                series = await asyncio.to_thread(series_of, body, what, first, end)
        except AdapterError as error:
            for secret in access.secrets:  # the server may quote the request
                error.args = (str(error).replace(secret, "[redacted]"), *error.args[1:])
            raise
        wrong = skew_words(dated.date, dated.at, SKEW_FAIL)
        if wrong:
            raise Unreachable(f"{what}: {wrong}, so minutes cannot be matched: synchronise both clocks with NTP")
        return Answer(series, _minute_of(dated.date))

    async def _sent(self, access: Access, what: str, form: bytes) -> tuple[bytes, Dated]:
        """Return the body of a response with status 200, and its `Date`."""
        fault = proxy_fault(self.url)
        if fault is not None:
            raise Unreachable(f"{what}: {fault}")
        target, signer = f"{self.url}/api/v1/query_range", self.access.signer
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if signer is not None:
            headers = await signer.headers("POST", target, form, headers)
        try:
            async with self._opened().post(target, data=form, headers={**headers, **access.headers}, ssl=access.tls,
                                           server_hostname=self._server_name, proxy=proxy_url(self.url),
                                           allow_redirects=False) as reply:
                body = await bounded(reply.content, what)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._unanswered(error, what) from None
        dated = self.dated = Dated(reply.headers.get("Date", ""), self._clock.now())
        if reply.status == 200:
            return body, dated
        if reply.status in (401, 403):
            self.access.refused()
        raise refusal(reply.status, reply.headers, body, what)

    def _unanswered(self, error: Exception, what: str) -> AdapterError:
        """Return the error of a request without a complete response."""
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            remedy = certificates_fault() or "set tls.ca_file, tls.server_name or SSL_CERT_FILE, or have it renewed"
            return NoResponse(f"{what}: the server's certificate is not trusted: {remedy}")
        if isinstance(error, aiohttp.ClientProxyConnectionError):
            return NoResponse(f"{what}: the proxy in {proxy_of(self.url)} cannot be reached: correct it, or add the host to "
                              "NO_PROXY")
        if isinstance(error, TimeoutError):
            return NoResponse(f"{what}: no complete response within {self._seconds:g} s: check the server, or make the query "
                              "cheaper, for example by a recording rule")
        if isinstance(error, aiohttp.ClientConnectorError):
            return NoResponse(f"{what}: the server cannot be reached ({type(error).__name__}): check url, network, DNS and tls")
        return NoResponse(f"{what}: no complete response ({type(error).__name__})")

    async def close(self) -> None:
        """Close all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
            await asyncio.sleep(0)  # noqa: TID251  (one turn of the event loop, in which the transports close)
        await self.access.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=self._seconds, sock_connect=CONNECT_SECONDS)
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE), timeout=timeout,
                                                  headers={"User-Agent": "stoker"}, cookie_jar=aiohttp.DummyCookieJar())
        return self._session


async def bounded(content: aiohttp.StreamReader, what: str) -> bytes:
    """Return a complete, decompressed body. Raise `Unsupported` when it is too large."""
    body = bytearray()
    async for piece in content.iter_any():
        body += piece
        if len(body) > MOST_BYTES:
            raise Unsupported(f"{what}: the answer has more than {MOST_BYTES >> 20} MB: aggregate the query, for example with "
                              "sum or min")
    return bytes(body)


def _minute_of(date: str) -> int | None:
    """Return the minute of a `Date` header; None when it is absent or invalid."""
    try:
        stamp: datetime = parsedate_to_datetime(date)
    except ValueError:
        return None
    return minute_of(stamp.replace(tzinfo=stamp.tzinfo or UTC))
