"""HTTP client that measures the time to first byte and translates errors to `AdapterError`."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import aiohttp

from adapters.ports.errors import AdapterError, NotFound, OutcomeUnknown, PermissionDenied, Throttled, Unreachable, Unsupported
from adapters.runtime.call_counter import CallCounter
from adapters.runtime.clock import SystemClock
from adapters.runtime.web_environment import certificates_fault, proxy_fault, proxy_of, proxy_url

AT_ONCE = 512
CONNECT_SECONDS, FIRST_BYTE_SECONDS = 5.0, 60.0
"""The second covers a cold start: a container may take 1 min to start."""

MOST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """Response to a request. `sent` and `first_byte`: seconds of the machine's monotonic clock. `headers`: names in any case.
    `text`: empty unless requested.
    """

    sent: float
    first_byte: float
    status: int
    headers: Mapping[str, str]
    text: str = ""


class Client:
    """One session for all URLs. With `sandbox_url`, every request goes to that address, with the original host as `Host`."""

    def __init__(self, sandbox_url: str | None = None, patience: float = FIRST_BYTE_SECONDS) -> None:
        self._sandbox = sandbox_url
        self.calls = CallCounter()
        self._timeout = timeout(patience + CONNECT_SECONDS)
        self._session: aiohttp.ClientSession | None = None
        self._wire = SystemClock()  # units hold pings in real milliseconds, however fast an injected clock runs

    async def send(self, method: str, url: str, resource: str, headers: Mapping[str, str], query: Mapping[str, str],
                   *, text: bool = False, patience: float | None = None) -> Reply:
        """Send one request without redirects or retries; the library resends a GET once if its connection breaks.

        `patience`: timeout of the whole response in seconds; None: that of the client.

        Raise `Unreachable` when it was not sent, `OutcomeUnknown` when no response came.
        """
        with self.calls.counting("http", method):
            return await self._sent(method, url, resource, headers, query, text=text, patience=patience)

    async def _sent(self, method: str, url: str, resource: str, headers: Mapping[str, str], query: Mapping[str, str],
                    *, text: bool, patience: float | None) -> Reply:
        target, sent = url, self._wire.monotonic()
        if self._sandbox is not None:
            original = urlsplit(url)
            headers, target = {**headers, "Host": original.netloc}, self._sandbox + original.path
        proxied = self._sandbox is None
        fault = proxy_fault(url) if proxied else None
        if fault is not None:
            raise Unreachable(f"{resource}: {fault}")
        try:
            async with self._opened().request(method, target, params=query, headers=headers, allow_redirects=False,
                                              proxy=proxy_url(url) if proxied else None,
                                              timeout=self._timeout if patience is None else timeout(patience)) as reply:
                first_byte = self._wire.monotonic()
                text_of = (await complete_body(reply.content, resource)).decode(errors="replace") if text else ""
                return Reply(sent, first_byte, reply.status, reply.headers, text_of)
        except aiohttp.ClientConnectorCertificateError:
            remedy = certificates_fault() or "renew it, or set SSL_CERT_FILE to the CA file"
            raise Unreachable(f"{resource} has a certificate that is not trusted, so nothing was sent: {remedy}") from None
        except aiohttp.ClientProxyConnectionError:
            raise Unreachable(f"{resource}: the proxy in {proxy_of(url)} cannot be reached, so nothing was sent: correct it, or "
                              "add the host to NO_PROXY") from None
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(f"{resource} cannot be reached ({type(error).__name__}): check address, network and DNS") from None
        except aiohttp.ConnectionTimeoutError:
            raise Unreachable(f"{resource} did not accept a connection within {CONNECT_SECONDS:g} s: check the address and the "
                              "network") from None
        except (aiohttp.ClientError, TimeoutError) as error:
            what = f"{resource} got the request and sent no usable response ({type(error).__name__})"
            raise OutcomeUnknown(what) from None

    async def close(self) -> None:
        """Close all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
            await asyncio.sleep(0)  # noqa: TID251  (one turn of the event loop, in which the transports close)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=AT_ONCE, limit_per_host=0)
            self._session = aiohttp.ClientSession(connector=connector, timeout=self._timeout,
                                                  headers={"User-Agent": "stoker"}, cookie_jar=aiohttp.DummyCookieJar())
        return self._session


def timeout(seconds: float) -> aiohttp.ClientTimeout:
    """Return the timeouts of a request that takes at most `seconds` in total."""
    return aiohttp.ClientTimeout(total=seconds, connect=None, sock_connect=CONNECT_SECONDS)


async def complete_body(content: aiohttp.StreamReader, resource: str) -> bytes:
    """Return a complete, decompressed body: a part would show too little demand. Raise `Unsupported` when it is too large."""
    body = bytearray()
    async for piece in content.iter_any():
        body += piece
        if len(body) > MOST_BYTES:
            raise Unsupported(f"{resource} responds with more than {MOST_BYTES >> 20} MB: use a smaller page")
    return bytes(body)


def refused(reply: Reply, expected: int, resource: str) -> AdapterError | None:
    """Return the error of an unexpected status; None when the status is `expected`."""
    status = reply.status
    if status == expected:
        return None
    if status == 429:
        after = reply.headers.get("Retry-After", "")
        return Throttled(f"{resource} limits the rate of requests (429)",
                         timedelta(seconds=min(3600, int(after))) if after.isdigit() else None)
    if status in (401, 403, 407):
        return PermissionDenied(f"{resource} refuses the request ({status}): check the variables of headers_from, and whether "
                                "their values have expired")
    if status in (404, 410):
        return NotFound(f"{resource} does not exist ({status}): correct the URL in the policy")
    if status >= 500:
        return Unreachable(f"{resource} has a server error ({status})")
    return Unsupported(f"{resource} responded {status}, not {expected}, so Stoker stops requests: see docs/ping-handler.md")
