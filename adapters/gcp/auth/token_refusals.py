"""Causes of a missing access token: one line with the file or the token service, and the remedy.

Texts quote no response and no exception. No call is sent without a token, so after such a failure no write has happened.
"""

import subprocess
from collections.abc import Mapping
from datetime import timedelta

from google.auth import exceptions as auth

from adapters.gcp.auth.credential_file import VARIABLE, CredentialFile, credential_file
from adapters.gcp.auth.token_requests import Exchange
from adapters.ports.errors import UNTRUSTED, AdapterError, PermissionDenied, Throttled, Unreachable

UNSENT = "nothing was sent to Google"
WHERE = f"attach a service account to the workload, or set {VARIABLE}"
TRANSIENT = (408, 425)
PAUSE = 15.0
"""Seconds to wait after a rate limit that states no time."""

LOGIN = "run gcloud auth application-default login"
INVALID_GRANT = {
    "authorized_user": f"the refresh token is expired or revoked: {LOGIN}",
    "external_account": "the subject token is expired, or its issuer or audience is not the one that the provider expects",
    "external_account_authorized_user": f"the refresh token is expired or revoked: {LOGIN} again",
    "impersonated_service_account": f"the key or refresh token of its source_credentials is expired or revoked: {LOGIN}",
    "service_account": "the key is deleted or disabled, or its account is: create a new key",
}
"""Type of the credentials file -> remedy for the error code `invalid_grant`."""

REMEDIES = {
    "access_denied": "allow the account to request tokens",
    "invalid_client": "the client ID or its secret is wrong or deleted: create the file again",
    "invalid_scope": "the account may not use the requested scope",
    "invalid_target": "the workload identity pool or provider is deleted or disabled, or audience in the file is misspelled",
    "rapt_required": f"the organisation requires a new login: {LOGIN}, or use a service account",
    "unauthorized_client": "the attribute condition of the provider, or the client, does not allow it",
}
"""Error code of OAuth 2 -> remedy."""


class NoToken(Exception):
    """No access token. `kind`: the class of the `AdapterError` of each call that needs one."""

    def __init__(self, kind: type[AdapterError], text: str, retry_after: timedelta | None = None) -> None:
        super().__init__(text)
        self.kind, self.retry_after = kind, retry_after

    def again(self) -> "NoToken":
        """Return a copy, which can be raised for another call."""
        return NoToken(self.kind, str(self), self.retry_after)

    def about(self, resource: str, clock: str = "") -> AdapterError:
        """Return the error of a call to `resource`. `clock`: a text about the skew of this machine's clock, or empty."""
        text = f"{resource}: {'; '.join(filter(None, (str(self), clock, UNSENT)))}"
        return Throttled(text, self.retry_after) if self.kind is Throttled else self.kind(text)


def explain(error: Exception, last: Exchange, environment: Mapping[str, str]) -> NoToken:
    """Return the cause of an exception of the library, from the last request to a token service and the credentials file."""
    file = credential_file(environment)
    fault = "" if file is None else file.fault(environment)
    if fault:
        return NoToken(PermissionDenied, f"the credentials file {file} {fault}")
    if file is None and isinstance(error, auth.DefaultCredentialsError):
        server = f", and the metadata server {last.host} does not answer" if last.host and last.status is None else ""
        return NoToken(PermissionDenied, f"no Google credentials were found: there is no credentials file{server}: {WHERE}")
    if not last.host:
        return _local(error, file)
    service = _service(last, file)
    if last.status is None:
        return _unanswered(error, service, environment)
    if last.status == 429:
        return NoToken(Throttled, f"{service} limits the rate of token requests", timedelta(seconds=last.retry_after or PAUSE))
    if last.status >= 500 or last.status in TRANSIENT:
        return NoToken(Unreachable, f"{service} answers with status {last.status}")
    if last.status >= 400:
        return NoToken(PermissionDenied, f"{service} {_refusal(last, file)}")
    return NoToken(Unreachable, f"{service} answers with status {last.status} but without a token: check whether a proxy or a "
                                "login page answers instead")


def _service(last: Exchange, file: CredentialFile | None) -> str:
    if file is None:
        return f"the metadata server {last.host}"
    return f"the source of the subject token {last.host}" if last.host in file.sources() else f"the token service {last.host}"


def _local(error: Exception, file: CredentialFile | None) -> NoToken:
    """Return the cause of a failure before any request."""
    if file is None:
        return NoToken(PermissionDenied, f"Google credentials could not be loaded ({type(error).__name__}): {WHERE}")
    if isinstance(error, subprocess.TimeoutExpired):
        return NoToken(Unreachable, f"the executable in the credentials file {file} did not exit in time")
    if file.external:
        return NoToken(PermissionDenied, f"the credential_source in the credentials file {file} gives no subject token "
                                         f"({type(error).__name__}): run its executable manually, or check what it reads")
    return NoToken(PermissionDenied, f"the credentials file {file} was not accepted ({type(error).__name__}): create it again")


def _unanswered(error: Exception, service: str, environment: Mapping[str, str]) -> NoToken:
    """Return the cause of a request without a response. The text of `error` contains addresses, so it is not quoted."""
    text = str(error)
    bundle = next((name for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if environment.get(name)), "REQUESTS_CA_BUNDLE")
    if "CA certificate bundle" in text:
        return NoToken(PermissionDenied, f"{bundle} names a certificate file that does not exist: correct or unset it")
    if UNTRUSTED in text:
        why = ("presents a certificate that is not trusted: behind a proxy that intercepts TLS, set REQUESTS_CA_BUNDLE to its CA "
               "file")
    elif "Tunnel connection failed" in text or "ProxyError" in text:
        why = "cannot be reached through the proxy: check HTTPS_PROXY and the hosts that the proxy allows"
    elif "resolve" in text:
        why = "cannot be reached, because its name cannot be resolved: check DNS"
    elif "timed out" in text:
        why = "does not answer: check network, proxy and firewall"
    else:
        why = "cannot be reached: check network, proxy and DNS"
    return NoToken(Unreachable, f"{service} {why}")


def _refusal(last: Exchange, file: CredentialFile | None) -> str:
    """Return what a service rejects, and the remedy."""
    status = f"status {last.status}" + (f", {last.code}" if last.code else "")
    if last.account and last.status == 404:
        return (f"finds no service account {last.account} ({status}): correct its name in the credentials file, or in the "
                "policy's credentials")
    if last.account:
        return (f"refuses to impersonate {last.account} ({status}): allow iam.serviceAccounts.getAccessToken on it, by "
                "roles/iam.serviceAccountTokenCreator or, for federation, by roles/iam.workloadIdentityUser, and enable "
                "iamcredentials.googleapis.com")
    if file is None:
        return f"has no credentials for this workload ({status}): {WHERE}"
    if last.host in file.sources():
        return f"returns no subject token ({status}): check credential_source in the credentials file {file}"
    remedies = {"invalid_grant": INVALID_GRANT.get(file.type, "create the file again"), **REMEDIES}
    return f"refuses the credentials file {file} ({status}): {remedies.get(last.code, 'create the file again')}"
