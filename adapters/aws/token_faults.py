"""Faults of the sources of temporary AWS credentials: STS, single sign-on, a container endpoint, instance metadata, a process.

Messages never quote the response of such a source, because it may contain the token of the request.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore import exceptions as boto

from adapters.aws.error_codes import EXPIRED, FAULTS, FORBIDDEN, INVALID, THROTTLED, THROTTLED_STATUS, clock_text, stem
from adapters.ports.errors import UNTRUSTED, AdapterError, Misconfigured, Unreachable

WEB_IDENTITY = "AssumeRoleWithWebIdentity"
STATUS = re.compile(r"non 200 response (\d+)")
SIGN_IN = {boto.SSOError: "aws sso login", boto.TokenRetrievalError: "aws sso login", boto.LoginError: "aws login"}
"""Errors of the library for an expired sign-in -> the command that a person has to run."""

FULL_URI, RELATIVE_URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
METADATA = "AWS_EC2_METADATA_SERVICE_ENDPOINT"


@dataclass(frozen=True, slots=True)
class Fault:
    """Fault that prevented a call from being sent. `kind`: class of the error."""

    kind: type[AdapterError]
    text: str

    def of(self, resource: str) -> AdapterError:
        """Return the error of a call about `resource`."""
        return self.kind(f"{resource}: nothing was sent: {self.text}")


def profile() -> str | None:
    """Return the profile that the environment names; None for the default profile."""
    return os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE")


def refused(error: boto.ClientError) -> Fault:
    """Return the fault of a refusal by STS or another service that issues credentials."""
    answer: Mapping[str, Any] = error.response
    code, call = str(answer.get("Error", {}).get("Code", "")), error.operation_name
    status, kind = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)), stem(code)
    if kind in THROTTLED | FAULTS or status in THROTTLED_STATUS or status >= 500:
        return Fault(Unreachable, f"AWS credentials could not be loaded: {call} returned {code or status}: temporary fault")
    clock = clock_text(code, answer)
    if clock is not None:
        return Fault(Misconfigured, f"AWS refuses {call} ({code}): {clock}")
    if call == WEB_IDENTITY and (kind in EXPIRED or kind == "InvalidIdentityToken"):
        file = os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE")
        return Fault(Misconfigured, f"AWS refuses the web identity token{f' in {file}' if file else ''} ({code}): check that its "
                     "file is renewed, and that the role trusts its issuer")
    if kind in FORBIDDEN:
        return Fault(Misconfigured, f"AWS refuses {call} ({code}): check AWS_ROLE_ARN or role_arn, that the role's trust policy "
                     f"names the caller, and that the caller is allowed sts:{call}")
    if kind in EXPIRED | INVALID:
        return Fault(Misconfigured, f"AWS refuses the credentials of the {call} request ({code}): renew or correct them")
    return Fault(Misconfigured, f"AWS refuses {call} ({code or status}): check the profile or variables that the credentials "
                 "come from")


def retrieval(error: boto.CredentialRetrievalError) -> Fault:
    """Return the fault of a source of credentials that failed."""
    source, status = str(error.kwargs.get("provider")), STATUS.search(str(error.kwargs.get("error_msg")))
    if source == "custom-process":
        whose = f"profile {profile()}" if profile() else "the default profile"
        return Fault(Misconfigured, f"the credential_process of {whose} failed: run it by hand to see why")
    if source == "container-role":
        variable = RELATIVE_URI if RELATIVE_URI in os.environ else FULL_URI
        if status is None or int(status[1]) >= 500 or status[1] == "429":
            how = f"answers {status[1]}" if status else "does not answer"
            return Fault(Unreachable, f"AWS credentials could not be loaded: the endpoint in {variable} {how}")
        return Fault(Misconfigured, f"the endpoint in {variable} refuses the request ({status[1]}): check that variable and "
                     "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE or AWS_CONTAINER_AUTHORIZATION_TOKEN")
    if source == "iam-role":
        return Fault(Unreachable, "AWS credentials could not be renewed: the instance metadata service has none")
    return Fault(Misconfigured, f"AWS credentials could not be loaded from {source}: check the profile or variables they come "
                                "from")


def sign_in(error: Exception) -> Fault:
    """Return the fault of an expired sign-in."""
    command = next(command for kind, command in SIGN_IN.items() if isinstance(error, kind))
    whose = f" --profile {profile()}" if profile() else ""
    return Fault(Misconfigured, f"the session of `{command}` has expired or was never started ({type(error).__name__}): run "
                 f"`{command}{whose}`")


def unreachable(error: boto.BotoCoreError) -> Fault:
    """Return the fault of a failed connection to a service of credentials."""
    url = urlsplit(str(error.kwargs.get("endpoint_url") or error.kwargs.get("proxy_url") or ""))
    where = url.netloc.rpartition("@")[2] or "their source"
    if isinstance(error, boto.SSLError) and UNTRUSTED in str(error):
        return Fault(Unreachable, f"AWS credentials could not be loaded: {where} has a certificate that is not trusted: behind "
                     "a proxy that intercepts TLS, set AWS_CA_BUNDLE to its CA file")
    return Fault(Unreachable, f"AWS credentials could not be loaded: no answer from {where} ({type(error).__name__}): check "
                 "network, proxy, DNS and endpoint")
