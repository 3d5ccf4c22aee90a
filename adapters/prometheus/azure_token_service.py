"""Requests to the token service of Microsoft Entra ID. Messages quote error numbers, and nothing else of an answer."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from adapters.ports.errors import AdapterError, Malformed, PermissionDenied, Throttled, Unreachable
from adapters.runtime.web_environment import certificates_fault, proxy_fault, proxy_url

SECONDS, MOST_BYTES = 10.0, 64 << 10
"""Timeout of a request, and size limit of its answer."""

REMEDIES = {
    70021: "no federated credential of the application fits issuer, subject and audience of the token: correct it",
    90002: "the tenant does not exist: correct tenant_id",
    700016: "the application does not exist in the tenant: correct client_id or tenant_id",
    700024: "the token of the workload identity is expired: check that its file is still renewed",
    700213: "no federated credential of the application fits the subject of the token: correct it",
    7000215: "the client secret is wrong: use its value, not its ID",
    7000222: "the client secret is expired: create a new one",
}
"""Error number of Entra ID (AADSTS) -> remedy."""


async def new_token(url: str, form: Mapping[str, str]) -> tuple[str, float]:
    """Return a token and the seconds until it expires. Raise `AdapterError`."""
    host = urlsplit(url).netloc
    status, retry_after, answer = await _answered(url, form)
    if status != 200:
        raise _refusal(host, status, retry_after, answer)
    token, life = answer.get("access_token"), _number(answer.get("expires_in"))
    if not isinstance(token, str) or not token or not token.isprintable() or life is None:
        raise Malformed(f"the token service {host} responded without a token: check whether a proxy or a login page answers "
                        "instead")
    return token, life


async def _answered(url: str, form: Mapping[str, str]) -> tuple[int, str, Mapping[str, Any]]:
    """Return status, `Retry-After` and the JSON object of the token service's answer; without JSON, an empty one."""
    host = urlsplit(url).netloc
    if (fault := proxy_fault(url)) is not None:
        raise Unreachable(f"{host}: {fault}")
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS), headers={"User-Agent": "stoker"},
                                         cookie_jar=aiohttp.DummyCookieJar()) as session, \
                session.post(url, data=form, proxy=proxy_url(url), allow_redirects=False) as reply:
            body = b""
            async for piece in reply.content.iter_any():
                body += piece
                if len(body) > MOST_BYTES:
                    break
            status, retry_after = reply.status, reply.headers.get("Retry-After", "")
    except aiohttp.ClientConnectorCertificateError:
        remedy = certificates_fault() or "set SSL_CERT_FILE to the certificates of a proxy that intercepts TLS"
        raise Unreachable(f"the token service {host} presents a certificate that is not trusted: {remedy}") from None
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Unreachable(f"the token service {host} does not answer ({type(error).__name__}): check network, DNS and "
                          "proxy") from None
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    return status, retry_after, answer if isinstance(answer, dict) else {}


def _refusal(host: str, status: int, retry_after: str, answer: Mapping[str, Any]) -> AdapterError:
    service = f"the token service {host}"
    if status == 429:
        seconds = int(retry_after) if retry_after.isdecimal() and len(retry_after) < 9 else None
        return Throttled(f"{service} limits the rate of requests", None if seconds is None else timedelta(seconds=seconds))
    if status >= 500 or status == 408:
        return Unreachable(f"{service} has an error ({status})")
    numbers = answer.get("error_codes")
    number = next((each for each in numbers if isinstance(each, int)), None) if isinstance(numbers, list) else None
    code = f"AADSTS{number}" if number is not None else f"status {status}"
    return PermissionDenied(f"{service} refuses the application ({code}): " + REMEDIES.get(
        number or 0, "check tenant_id, client_id and the secret or the federated credential"))


def _number(value: object) -> float | None:
    """Return the positive number of seconds in an answer, which some token services write as text."""
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if 0 < number < 1e9 else None
