"""What a URL must be to be called, wherever it is given: in a policy, a variable of the environment or an option."""

import re
from urllib.parse import urlsplit


def fault_of(url: str) -> str | None:
    """Return what keeps `url` from being the address of a web server, None when nothing does.

    It is not quoted, for it may be a secret.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return "names a port that is no number from 1 to 65535" if "port" in str(error).lower() else "is no URL"
    if parts.scheme not in ("http", "https"):
        return "has another scheme than http and https" if "://" in url else "has no scheme: begin it with http:// or https://"
    if re.search(r"\s", url):
        return "holds a blank"
    if not parts.hostname:
        return "names no host"
    return "names the port 0" if port == 0 else None
