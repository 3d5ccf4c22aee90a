"""Secrets of a store, read again for each connection so that rotated ones apply."""

import os
from collections.abc import Mapping
from pathlib import Path

from adapters.ports.errors import Misconfigured
from adapters.sampling.settings import StoreSettings


def password_of(settings: StoreSettings, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the password; None without one. Raise `Misconfigured` when its variable is not set."""
    name = settings.password_env
    if name is None:
        return None
    if not environment.get(name):
        raise Misconfigured(f"{settings.place}: the environment variable {name} of password_env is not set: set it")
    return environment[name]


def check_files(settings: StoreSettings) -> None:
    """Raise `Misconfigured` when a file of `tls` cannot be read."""
    tls = settings.tls
    for name in ("ca_file", "cert_file", "key_file") if tls is not None else ():
        path = getattr(tls, name)
        try:
            if path is not None:
                Path(path).open("rb").close()
        except OSError as error:
            raise Misconfigured(f"{settings.place}: {path} of tls.{name} cannot be read ({error.strerror}): correct the path or "
                                "the permissions of the file") from None
