"""Authentication at the Prometheus services of AWS, Google Cloud and Azure: signatures and tokens that expire."""

from collections.abc import Mapping
from typing import Protocol

from adapters.ports.errors import Unsupported
from adapters.prometheus.azure_tokens import AzureTokens
from adapters.prometheus.settings import PrometheusSettings, SigV4Settings
from adapters.runtime.clock import Clock
from config.model.credentials import Credentials


class Signer(Protocol):
    """Signer of requests; `adapters.aws.request_signer.RequestSigner` implements it."""

    async def headers(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        """Return `headers` with a signature. Raise `AdapterError` when there are no credentials."""

    def refused(self) -> None:
        """Look up the credentials again, because the server refused them."""

    def close(self) -> None:
        """Stop the threads."""


class TokenSource(Protocol):
    """Access tokens, renewed before they expire."""

    async def headers(self) -> Mapping[str, str]:
        """Return the headers of a request. Raise `AdapterError` when there is no valid token."""

    def refused(self, headers: Mapping[str, str]) -> None:
        """Discard the token of `headers`, because the server refused it."""

    async def close(self) -> None:
        """Stop renewing."""


def aws_signer(settings: SigV4Settings, credentials: Credentials | None) -> Signer:
    """Return a signer with the role in `credentials`, or with those that the AWS library finds. Raise `Unsupported` if it is not
    installed.
    """
    try:
        from adapters.aws.request_signer import RequestSigner
    except ModuleNotFoundError as missing:
        raise Unsupported(f"sigv4 needs the library {missing.name}, which is not installed: install the wheel "
                          "with the extra aws") from missing
    return RequestSigner(settings.region, settings.service, credentials)


def tokens_of(settings: PrometheusSettings, clock: Clock, environment: Mapping[str, str],
              credentials: Credentials | None) -> TokenSource | None:
    """Return the source of access tokens, of Google with `credentials`; None when the server takes none. Raise `Unsupported` when
    a library is missing.
    """
    if settings.azure is not None:
        return AzureTokens(settings, settings.azure, clock, environment)
    if settings.google is None:
        return None
    try:
        from adapters.gcp.bearer_tokens import BearerTokens
    except ModuleNotFoundError as missing:
        raise Unsupported(f"google needs the library {missing.name}, which is not installed: install the wheel "
                          "with the extra gcp") from missing
    return BearerTokens(settings.url, clock, environment, None if credentials is None else credentials.impersonate)
