"""Signatures (SigV4) of HTTP requests that no client of the AWS library makes, such as queries to a Prometheus workspace."""

import asyncio
from collections.abc import Mapping
from functools import partial

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from adapters.aws.credentials import CredentialSource
from adapters.aws.library_sessions import finding_session
from adapters.aws.role_sessions import role_source
from config.model.credentials import Credentials

READY_SECONDS = 20.0
"""Time that a request waits for credentials."""


class RequestSigner:
    """Signer with the role in `credentials`, or without it with those that the AWS library finds. They are loaded and renewed in
    threads. `service`: its signing name.
    """

    def __init__(self, region: str, service: str, credentials: Credentials | None = None) -> None:
        self._region, self._service = region, service
        self._credentials = role_source(credentials, region) if credentials is not None else CredentialSource(
            f"aws-credentials-{service}-{region}", partial(finding_session, region))

    async def headers(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        """Return `headers` with a signature of all of them and of `body`. Raise `AdapterError` when there are no credentials."""
        try:
            async with asyncio.timeout(READY_SECONDS):
                fault = await self._credentials.ready()
        except TimeoutError:
            fault = self._credentials.not_ready(READY_SECONDS)
        if fault is not None:
            raise fault.of(url)
        request = AWSRequest(method=method, url=url, data=body, headers=dict(headers))
        SigV4Auth(self._credentials.held.get_frozen_credentials(), self._service, self._region).add_auth(request)
        return dict(request.headers.items())

    def refused(self) -> None:
        """Look up the credentials from the start at the next request, because the server refused them."""
        self._credentials.refused()

    def close(self) -> None:
        """Start no more look-ups of credentials."""
        self._credentials.close()
