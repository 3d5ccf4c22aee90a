"""What authenticates requests to one server: read again for each collection, so that rotated secrets apply.

No message contains the value of a variable or the contents of a file.
"""

import asyncio
import os
import ssl
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from adapters.ports.errors import Misconfigured
from adapters.prometheus.cloud_access import aws_signer, tokens_of
from adapters.prometheus.settings import PrometheusSettings, TlsSettings
from adapters.runtime.clock import Clock
from config.model.credentials import Credentials

MOST_BYTES = 64 << 10
"""Size limit of a file that holds a secret."""


class Access(NamedTuple):
    """Headers of all requests, and the TLS context; True: that of the machine. `secrets`: what no message may quote."""

    headers: Mapping[str, str]
    tls: ssl.SSLContext | bool
    secrets: tuple[str, ...] = ()


class AccessReader:
    """Reader of the secrets of one server. `signer`: for `sigv4`, else None. `credentials`: those of its pools at a cloud."""

    def __init__(self, settings: PrometheusSettings, clock: Clock, environment: Mapping[str, str] = os.environ,
                 credentials: Credentials | None = None) -> None:
        self._settings, self._environment = settings, environment
        self._tokens = tokens_of(settings, clock, environment, credentials)
        self._sent: Mapping[str, str] = {}
        self.signer = None if settings.sigv4 is None else aws_signer(settings.sigv4, credentials)
        self._tls: ssl.SSLContext | bool = True
        self._files: object = None

    async def read(self) -> Access:
        """Return the present headers and TLS context. Raise `AdapterError`. Files are read in a thread."""
        access = await asyncio.to_thread(self._read)
        if self._tokens is None:
            return access
        self._sent = await self._tokens.headers()
        secrets = (value.rpartition(" ")[2] for name, value in self._sent.items() if name.lower() == "authorization")
        return Access({**access.headers, **self._sent}, access.tls, (*access.secrets, *secrets))

    def refused(self) -> None:
        """Look up the credentials again, because the server refused them."""
        if self.signer is not None:
            self.signer.refused()
        if self._tokens is not None:
            self._tokens.refused(self._sent)

    async def close(self) -> None:
        """Stop renewing credentials."""
        if self.signer is not None:
            self.signer.close()
        if self._tokens is not None:
            await self._tokens.close()

    def _read(self) -> Access:
        settings, password = self._settings, ""
        headers = {header: self._variable("headers_from", name) for header, name in settings.headers_from.items()}
        if settings.bearer_file is not None:
            headers["Authorization"] = f"Bearer {self._file('bearer_file', settings.bearer_file)}"
        if settings.bearer_env is not None:
            headers["Authorization"] = f"Bearer {self._variable('bearer_env', settings.bearer_env)}"
        if settings.basic is not None:
            basic = settings.basic
            password = (self._file("basic.password_file", basic.password_file) if basic.password_file is not None
                        else self._variable("basic.password_env", basic.password_env or ""))
            headers["Authorization"] = f"Basic {b64encode(f'{basic.username}:{password}'.encode()).decode()}"
        secrets = (password, *(value.rpartition(" ")[2] for value in headers.values()))
        return Access(headers, True if settings.tls is None else self._context(settings.tls), tuple(filter(None, secrets)))

    def _variable(self, setting: str, name: str) -> str:
        value = self._environment.get(name)
        if not value:
            raise Misconfigured(f"{self._settings.url}: the environment variable {name} of {setting} is not set: set it")
        return self._header(value, f"the environment variable {name} of {setting}")

    def _file(self, setting: str, path: str) -> str:
        text = self._loaded(setting, path, _text_of)
        if not text:
            raise Misconfigured(f"{self._settings.url}: {path} of {setting} is empty: write the secret into it")
        return self._header(text, f"{path} of {setting}")

    def _header(self, value: str, where: str) -> str:
        if not value.isprintable():
            raise Misconfigured(f"{self._settings.url}: {where} contains a line break or another character that cannot be sent: "
                                "remove it")
        return value

    def _loaded(self, setting: str, path: str, load: Callable[[Path], str]) -> str:
        try:
            return load(Path(path))
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else "it is not text"
            raise Misconfigured(f"{self._settings.url}: {path} of {setting} cannot be read ({why}): correct the path, the file "
                                "or its permissions") from None

    def _context(self, tls: TlsSettings) -> ssl.SSLContext | bool:
        """Return the context for the present files; a new one, which opens new connections, only when a file has changed."""
        files = {name: path for name in ("ca_file", "cert_file", "key_file") if (path := getattr(tls, name)) is not None}
        if not files:
            return True
        present = [self._loaded(f"tls.{name}", path, _version_of) for name, path in files.items()]
        if present != self._files:
            try:
                context = ssl.create_default_context(cafile=tls.ca_file)
                if tls.cert_file is not None:  # a password that is a constant: without one, OpenSSL asks on the terminal
                    context.load_cert_chain(tls.cert_file, tls.key_file, password="-")  # noqa: S106
            except (OSError, ValueError):
                raise Misconfigured(f"{self._settings.url}: the files of tls ({', '.join(files)}) are not valid certificates and "
                                    "keys in PEM format, or a key has a passphrase or belongs to another certificate: correct "
                                    "them") from None
            self._tls, self._files = context, present
        return self._tls


def _text_of(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.read(MOST_BYTES).strip()


def _version_of(path: Path) -> str:
    """Return text that changes when the file does."""
    status = path.stat()
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns}"
