"""Post one message to a URL that the operator configured, without retries. No error contains the URL, which may be a secret."""

from collections.abc import Mapping
from datetime import timedelta

import aiohttp

from adapters.ports.errors import AdapterError, PermissionDenied, Throttled, Unreachable, Unsupported
from adapters.runtime.web_environment import certificates_fault, proxy_fault, proxy_of
from config.loading.web_address import fault_of

CONNECT_SECONDS, WHOLE_SECONDS = 5.0, 15.0
MOST_BYTES = 64 << 10
"""Bytes of a response that are read, so that its connection can be reused; they are not evaluated."""

LONGEST_PAUSE = timedelta(hours=1)


class Poster:
    """One HTTP session for all sinks. Redirects are not followed: a message goes only to the URL that the operator configured."""

    def __init__(self, whole_seconds: float = WHOLE_SECONDS) -> None:
        self._timeout = aiohttp.ClientTimeout(total=whole_seconds, sock_connect=CONNECT_SECONDS)
        self._session: aiohttp.ClientSession | None = None

    async def post(self, name: str, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Send `body`. Raise `Throttled` or `Unreachable` if a retry may succeed, another `AdapterError` if it cannot."""
        if (fault := fault_of(url)) is not None:
            raise Unsupported(f"sink {name}: its URL {fault}")
        if (fault := proxy_fault(url)) is not None:
            raise Unreachable(f"sink {name}: {fault}")
        try:
            async with self._opened().post(url, data=body, headers=headers, allow_redirects=False) as answer:
                await answer.content.read(MOST_BYTES)
                status, after = answer.status, answer.headers.get("Retry-After", "")
        except aiohttp.ClientConnectorCertificateError:
            remedy = certificates_fault() or "have it renewed, or name the CA file in SSL_CERT_FILE"
            raise Unreachable(f"sink {name} shows a certificate that is not trusted: {remedy}") from None
        except aiohttp.ClientProxyConnectionError:
            raise Unreachable(f"sink {name}: the proxy that {proxy_of(url)} names cannot be reached") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(f"sink {name}: no usable answer ({type(error).__name__})") from None
        if not 200 <= status < 300:
            raise refusal(name, status, after)

    async def close(self) -> None:
        """Close all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout, trust_env=True, cookie_jar=aiohttp.DummyCookieJar(),
                                                  headers={"User-Agent": "stoker"})
        return self._session


def refusal(name: str, status: int, after: str) -> AdapterError:
    """Return the error for a status that is not 2xx. `after`: the value of `Retry-After`, in seconds."""
    if status in (408, 425) or status >= 500:
        return Unreachable(f"sink {name} failed on its side ({status})")
    if status == 429:
        wait = min(timedelta(seconds=int(after)), LONGEST_PAUSE) if after.isdecimal() and len(after) < 9 else None
        return Throttled(f"sink {name} limits the rate of messages (429)", wait)
    if status in (401, 403, 407):
        return PermissionDenied(f"sink {name} refuses messages ({status}): check its URL, its secret and whether it was revoked")
    if 300 <= status < 400:
        return Unsupported(f"sink {name} sends elsewhere ({status}), which is not followed: give the URL that it names")
    return Unsupported(f"sink {name} does not take messages ({status}): check its URL and kind")
