"""Check of HTTP URLs that come from a policy, an environment variable or an option."""

import re
from urllib.parse import urlsplit


def fault_of(url: str) -> str | None:
    """Return why `url` is not a valid HTTP URL, as the end of a sentence; None when it is valid.

    The URL is not quoted because it may be a secret.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return "has a port that is not a number from 1 to 65535" if "port" in str(error).lower() else "is not a URL"
    if parts.scheme not in ("http", "https"):
        return "has a scheme other than http and https" if "://" in url else "has no scheme: start it with http:// or https://"
    if re.search(r"\s", url):
        return "contains a space"
    if not parts.hostname:
        return "has no host"
    return "has port 0, which is not allowed" if port == 0 else None
