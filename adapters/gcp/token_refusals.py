"""Why there is no access token, in one line that names the file, the token service and the remedy. Quotes no answer and no error.

Without a token no call leaves the process, so no failure here leaves the outcome of a write open.
"""

import subprocess
from collections.abc import Mapping
from datetime import timedelta

from google.auth import exceptions as auth

from adapters.errors import UNTRUSTED, AdapterError, PermissionDenied, Throttled, Unreachable
from adapters.gcp.credential_file import VARIABLE, CredentialFile, credential_file
from adapters.gcp.token_requests import Exchange

UNSENT = "nothing was sent to Google"
WHERE = f"give the workload a service account, or set {VARIABLE}"
TRANSIENT = (408, 425, 429)
RELOGIN = "run gcloud auth application-default login"


class NoToken(Exception):
    """`kind`: what it is to the core."""

    def __init__(self, kind: type[AdapterError], text: str, retry_after: timedelta | None = None) -> None:
        super().__init__(text)
        self.kind, self.retry_after = kind, retry_after

    def again(self) -> "NoToken":
        """The same, to be raised once more."""
        return NoToken(self.kind, str(self), self.retry_after)

    def about(self, resource: str, clock: str = "") -> AdapterError:
        """The error of a call that concerned `resource`. `clock`: what is known to be wrong with this machine's."""
        text = f"{resource}: {'; '.join(filter(None, (str(self), clock, UNSENT)))}"
        return Throttled(text, self.retry_after) if self.kind is Throttled else self.kind(text)


def explain(error: Exception, last: Exchange, environment: Mapping[str, str]) -> NoToken:
    """From what the library raised, after which request, and what is wrong with the credentials' file."""
    file = credential_file(environment)
    fault = file.fault(environment) if file is not None else ""
    if fault:
        return NoToken(PermissionDenied, f"the credentials file {file} {fault}")
    if file is None and isinstance(error, auth.DefaultCredentialsError):
        return NoToken(PermissionDenied, f"no Google credentials were found: {WHERE}")
    if not last.host:
        return _local(error, file)
    service = _service(last, file)
    if last.status is None:
        return _unanswered(error, service, environment)
    if last.status == 429:
        return NoToken(Throttled, f"{service} limits the rate of token requests", timedelta(seconds=last.retry_after or 15))
    if last.status >= 500 or last.status in TRANSIENT:
        return NoToken(Unreachable, f"{service} answers with status {last.status}")
    if last.status >= 400:
        return NoToken(PermissionDenied, f"{service} {_refusal(last, file)}")
    return NoToken(Unreachable, f"{service} gave an answer that is none of a token service (status {last.status}): check that no "
                                "proxy or login page answers in its place")


def _service(last: Exchange, file: CredentialFile | None) -> str:
    if file is None:
        return f"the metadata server {last.host}"
    return f"the source of the subject token, {last.host}," if last.host in file.sources() else f"the token service {last.host}"


def _local(error: Exception, file: CredentialFile | None) -> NoToken:
    """Nobody was asked."""
    if file is None:
        return NoToken(PermissionDenied, f"Google credentials could not be loaded ({type(error).__name__}): {WHERE}")
    if isinstance(error, subprocess.TimeoutExpired):
        return NoToken(Unreachable, f"the executable that the credentials file {file} names did not end in time")
    if isinstance(error, auth.RefreshError | OSError | ValueError) and file.external:
        return NoToken(PermissionDenied, f"the credentials file {file} names a source of the subject token that gives none: run "
                                         "its executable by hand, or look at what it reads")
    return NoToken(PermissionDenied, f"the credentials file {file} was not accepted ({type(error).__name__}): make it anew")


def _unanswered(error: Exception, service: str, environment: Mapping[str, str]) -> NoToken:
    """`error` quotes addresses and the like; only of which kind it is, is told."""
    text = str(error)
    bundle = next((name for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if environment.get(name)), "REQUESTS_CA_BUNDLE")
    if "CA certificate bundle" in text:
        return NoToken(PermissionDenied, f"{bundle} names a file of certificates that does not exist: correct or unset it")
    if UNTRUSTED in text:
        why = ("shows a certificate that is not trusted: behind a proxy that opens TLS, name its CA file in REQUESTS_CA_BUNDLE")
    elif "Tunnel connection failed" in text or "ProxyError" in text:
        why = "cannot be reached through the proxy: check HTTPS_PROXY and what the proxy allows"
    elif "resolve" in text:
        why = "cannot be reached, for its name cannot be resolved: check DNS"
    elif "timed out" in text:
        why = "does not answer: check network, proxy and firewall"
    else:
        why = "cannot be reached: check network, proxy and DNS"
    return NoToken(Unreachable, f"{service} {why}")


def _refusal(last: Exchange, file: CredentialFile | None) -> str:
    """What a service refuses, and the remedy."""
    said = f"status {last.status}" + (f", {last.code}" if last.code else "")
    if last.account:
        return _impersonation(last, said)
    if file is None:
        return f"gives no credentials to this workload ({said}): {WHERE}"
    if last.host in file.sources():
        return f"which the credentials file {file} names, refuses to give one ({said})"
    remedies = {
        "access_denied": "allow the account to get tokens",
        "invalid_client": "the client ID or its secret is wrong or deleted: make the file anew",
        "invalid_grant": "the key, refresh token or subject token is expired, revoked or not meant for this audience, or its "
                         f"account is disabled, or this machine's clock is wrong: make the file anew; for a user, {RELOGIN}",
        "invalid_scope": "the account may not have the scope cloud-platform",
        "invalid_target": "the workload identity pool or its provider is deleted, disabled, or misspelled in the file's audience",
        "rapt_required": f"the organisation asks the user to log in again: {RELOGIN}, or use a service account",
        "unauthorized_client": "the provider's attribute condition, or the client, does not allow it",
    }
    return f"refuses the credentials file {file} ({said}): {remedies.get(last.code, 'make the file anew')}"


def _impersonation(last: Exchange, said: str) -> str:
    if last.status == 404:
        return f"knows no service account {last.account} ({said}): correct its name in the credentials file"
    return (f"refuses to impersonate {last.account} ({said}): allow iam.serviceAccounts.getAccessToken on it, by "
            "roles/iam.serviceAccountTokenCreator or, for federation, roles/iam.workloadIdentityUser, and enable "
            "iamcredentials.googleapis.com")
