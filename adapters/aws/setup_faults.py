"""Faults of the AWS client's configuration: the variable, file or setting that is wrong, and the remedy.

Messages never contain contents of files or values of variables that may be secret.
"""

import configparser
import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore import exceptions as boto
from urllib3.exceptions import LocationParseError, LocationValueError

from adapters.aws.token_faults import FULL_URI, METADATA, SIGN_IN, Fault, profile, refused, retrieval, sign_in, unreachable
from adapters.ports.errors import Misconfigured, Unreachable, brief

FILES = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")
NUMBERS = ("AWS_METADATA_SERVICE_TIMEOUT", "AWS_METADATA_SERVICE_NUM_ATTEMPTS", "AWS_MAX_ATTEMPTS")
PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")
NO_TLS = ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")
"""OpenSSL's error names for a response that is not TLS."""

WHERE_CREDENTIALS = "give the task a role, or set AWS_PROFILE or AWS_ACCESS_KEY_ID"


class FaultError(Exception):
    """A fault that is explained already."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.text)
        self.fault = fault


def fault_of(error: Exception) -> Fault:
    """Return the fault behind an error that the library raised before it sent a request."""
    for kinds, explain in EXPLAINED:
        if isinstance(error, kinds):
            return explain(error)
    return fault(f"the AWS client cannot be set up ({type(error).__name__}): check the AWS_* variables and the AWS config file")


def fault(text: str) -> Fault:
    """Return a fault of the configuration."""
    return Fault(Misconfigured, text)


def not_ready(seconds: float, subject: str = "") -> Fault:
    """Return the fault of a call that got no credentials or no free thread within `seconds`. `subject`: their role, or empty."""
    whose = f" of {subject}" if subject else f" of profile {profile()}" if profile() else ""
    return Fault(Unreachable, f"not ready within {seconds:g} s: the source of the AWS credentials{whose} does not answer, or "
                 "this machine is overloaded")


def not_found() -> Fault:
    """Return the fault of missing credentials: no source has any, and none failed."""
    hints = missing_files()
    if "AWS_SECRET_ACCESS_KEY" in os.environ and "AWS_ACCESS_KEY_ID" not in os.environ:
        hints.append("AWS_SECRET_ACCESS_KEY is set without AWS_ACCESS_KEY_ID")
    if "AWS_ROLE_ARN" in os.environ and "AWS_WEB_IDENTITY_TOKEN_FILE" not in os.environ:
        hints.append("AWS_ROLE_ARN is set without AWS_WEB_IDENTITY_TOKEN_FILE")
    if METADATA in os.environ:
        hints.append(f"the instance metadata service in {METADATA} has none")
    return fault(f"no AWS credentials were found{''.join(f' ({hint})' for hint in hints)}: {WHERE_CREDENTIALS}")


def missing_files() -> list[str]:
    """Return a text for each file that a variable names and that is not a readable file."""
    named = [(name, Path(os.environ[name]).expanduser()) for name in FILES if os.environ.get(name)]
    return [f"{name} names {path}, which is not a file that can be read" for name, path in named
            if not path.is_file() or not os.access(path, os.R_OK)]


def _partial(error: Any) -> Fault:  # noqa: ANN401  (exceptions of the library have no types)
    source, missing = str(error.kwargs["provider"]), str(error.kwargs["cred_var"]).strip("'\"")
    where = "the environment" if source == "env" else f"profile {profile() or 'default'} of the AWS config ({source})"
    return fault(f"the AWS credentials in {where} are incomplete: {missing} is missing or empty")


def _profile(error: Any) -> Fault:  # noqa: ANN401
    variable = "AWS_PROFILE" if os.environ.get("AWS_PROFILE") else "AWS_DEFAULT_PROFILE"
    hints = missing_files()
    files = f" ({'; '.join(hints)})" if hints else ""
    return fault(f"profile {error.kwargs['profile']}, which {variable} names, is not in the AWS config{files}: correct the name, "
                 "or add the profile")


def _unparsed(error: Any) -> Fault:  # noqa: ANN401
    path, cause = error.kwargs["path"], error.kwargs.get("error")
    path = path.decode(errors="replace") if isinstance(path, bytes) else path
    lines = [cause.lineno] if hasattr(cause, "lineno") else [number for number, _ in getattr(cause, "errors", ())]
    where = f"{path}:{lines[0]}" if lines else path
    what = type(cause).__name__ if isinstance(cause, configparser.Error | UnicodeError) else "wrong syntax"
    return fault(f"the AWS config file {where} cannot be parsed ({what}): correct it, or name another in {' or '.join(FILES)}")


def _file(error: OSError) -> Fault:
    if error.filename is None:
        return fault(f"a file that the AWS client needs cannot be read ({error.strerror})")
    path = error.filename.decode(errors="replace") if isinstance(error.filename, bytes) else error.filename
    names = [name for name in sorted(os.environ) if name.startswith("AWS_") and os.environ[name] == path]
    named = f"{' and '.join(names)} names" if names else "the AWS config names"
    return fault(f"{path}, which {named}, cannot be read or run ({error.strerror}): correct the path, or grant Stoker access to "
                 "it")


def _value(error: ValueError) -> Fault:
    text = str(error)
    if text.startswith(("Invalid endpoint", "Port could not be cast", "Invalid IPv6 URL", "Port out of range")):
        return endpoint()
    if text.startswith("Unsupported host"):
        return fault(f"{FULL_URI} names a host that the AWS client does not call over http: use loopback, 169.254.170.2, "
                     "169.254.170.23 or [fd00:ec2::23], or https")
    if text.startswith("Auth token value"):
        return fault("the token in AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE or AWS_CONTAINER_AUTHORIZATION_TOKEN has a line break: "
                     "remove it")
    numbers = [name for name in NUMBERS if os.environ.get(name) and not os.environ[name].strip().isdigit()]
    if numbers:
        return fault(f"{' and '.join(numbers)} must be a whole number")
    return _answer(error)


def endpoint() -> Fault:
    """Return the fault of an endpoint that is not a URL."""
    names = [name for name in sorted(os.environ) if name.startswith("AWS_ENDPOINT_URL") and not is_url(os.environ[name])]
    where = " and ".join(names) or "endpoint_url in the AWS config file"
    return fault(f"{where} is not a URL such as http://localhost:4566: it needs http:// or https://, a host and a numeric "
                 "port")


def is_url(value: str) -> bool:
    """Return whether `value` is an HTTP URL with a host and, if any, a valid port."""
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in value and (parts.port or 1) > 0
    except ValueError:
        return False


def connection_fault(error: Exception) -> Fault | None:
    """Return the fault of a failed connection when a setting is certainly the cause; None otherwise."""
    cause = error.kwargs.get("error") if isinstance(error, boto.BotoCoreError) else None
    if isinstance(cause, LocationParseError):
        proxies = [name for name in PROXIES if os.environ.get(name) and not is_url(os.environ[name])]
        if proxies:
            return fault(f"{' and '.join(proxies)} is not a URL such as http://proxy.example.com:3128")
    if isinstance(cause, LocationValueError):
        return endpoint()
    return _tls(error, cause.args) if isinstance(error, boto.SSLError) and isinstance(cause, Exception) else None


def _tls(error: boto.SSLError, causes: tuple[object, ...]) -> Fault | None:
    """Return the fault of a failed TLS handshake when a setting is the cause; None otherwise."""
    bundle = os.environ.get("AWS_CA_BUNDLE")
    file = f"{bundle}, which AWS_CA_BUNDLE names," if bundle else "the file that ca_bundle in the AWS config names"
    if causes and isinstance(causes[0], OSError) and not isinstance(causes[0], ssl.SSLError):
        return fault(f"{file} cannot be read ({causes[0].strerror}): correct the path, or grant Stoker access to it")
    if "[X509: " in str(error) or "[PEM" in str(error):
        return fault(f"{file} is not a PEM file of certificates")
    if any(sign in str(error) for sign in NO_TLS):
        return fault("the server does not use TLS: write an endpoint or proxy without TLS with http:// "
                     "(AWS_ENDPOINT_URL, HTTPS_PROXY)")
    return None


def _connection(error: Any) -> Fault:  # noqa: ANN401
    return connection_fault(error) or unreachable(error)


def _expired(error: RuntimeError) -> Fault:
    if "still expired" in str(error):
        return fault("the loaded AWS credentials have expired: check their source and this machine's clock")
    return _answer(error)


def _answer(error: Exception) -> Fault:
    return fault(f"the response of the AWS credential source is invalid ({type(error).__name__}): check "
                 "credential_process, or the server that replaces the token service")


def code_needed() -> Fault:
    """Return the fault of a profile that requires an MFA code."""
    return fault("the AWS profile requires an MFA code (mfa_serial), which a daemon cannot enter: use a role without it")


QUOTABLE = (boto.InvalidConfigError, boto.ValidationError, boto.InvalidRetryConfigurationError, boto.InvalidDefaultsMode,
            boto.InvalidSTSRegionalEndpointsConfigError, boto.InvalidIMDSEndpointModeError, boto.InvalidChecksumConfigError,
            boto.UnknownCredentialError, boto.MissingDependencyException, boto.NoRegionError, boto.InvalidProxiesConfigError,
            boto.EndpointVariantError)
"""Errors whose text contains only names of settings."""

EXPLAINED: tuple[tuple[Any, Callable[[Any], Fault]], ...] = (
    (FaultError, lambda error: error.fault),
    (boto.ClientError, refused),
    (boto.CredentialRetrievalError, retrieval),
    (tuple(SIGN_IN), sign_in),
    ((boto.NoCredentialsError, boto.NoAuthTokenError), lambda _: not_found()),
    (boto.PartialCredentialsError, _partial),
    (boto.ProfileNotFound, _profile),
    (boto.ConfigParseError, _unparsed),
    (boto.InvalidIMDSEndpointError, lambda _: fault(f"{METADATA} is not a URL such as http://169.254.169.254")),
    ((boto.RefreshWithMFAUnsupportedError, EOFError), lambda _: code_needed()),
    (QUOTABLE, lambda error: fault(f"a setting of the AWS client is invalid: {brief(str(error))}")),
    ((boto.ConnectionError, boto.HTTPClientError), _connection),
    (OSError, _file),
    (RuntimeError, _expired),
    (ValueError, _value),
    ((KeyError, TypeError, AttributeError), _answer),
)
"""Explanations of errors; the first match applies."""
