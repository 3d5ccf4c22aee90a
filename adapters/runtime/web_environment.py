"""Environment variables of all HTTP clients: proxies and trusted certificates. Read before a call or after a failure."""

import os
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from config.loading.web_address import fault_of

CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def proxy_of(url: str) -> str | None:
    """Return the variable that names the proxy for `url`; None when no proxy is used."""
    parts = urlsplit(url)
    name = next((each for each in (f"{parts.scheme}_proxy", f"{parts.scheme.upper()}_PROXY") if os.environ.get(each)), None)
    if name is None:  # called for each request, and `getproxies` reads every variable
        return None
    return None if parts.scheme not in getproxies() or proxy_bypass(parts.hostname or "") else name


def proxy_url(url: str) -> str | None:
    """Return the address of the proxy for `url`; None when no proxy is used.

    aiohttp's `trust_env` would also send the passwords of `~/.netrc`, and refuse requests that have an Authorization header.
    """
    name = proxy_of(url)
    return None if name is None else os.environ[name]


def proxy_fault(url: str) -> str | None:
    """Return the fault of the variable that names the proxy for `url`; None without one."""
    name = proxy_of(url)
    if name is None:
        return None
    fault = fault_of(os.environ[name])
    return None if fault is None else f"{name} {fault}, so the proxy cannot be used and nothing was sent"


def certificates_fault() -> str | None:
    """Return which variable names a missing file or folder of trusted certificates; None when none does."""
    return next((f"{name} names {os.environ[name]}, which does not exist" for name in CERTIFICATES
                 if os.environ.get(name) and not Path(os.environ[name]).exists()), None)
