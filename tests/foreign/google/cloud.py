"""A Google Cloud on loopback that the shipped command line reaches unchanged: by a CONNECT proxy, TLS and real credentials.

The servers that answer as run.googleapis.com and monitoring.googleapis.com are the sandbox's, behind TLS with a certificate of
the test's own authority, and take a bearer token only from the token services.
"""

import os
from contextlib import asynccontextmanager
from pathlib import Path

import grpc

from adapters.sandbox.gcp.server import GrpcSandboxServer
from adapters.sandbox.gcp.world import RunSandbox
from tests.e2e import daemons
from tests.foreign.google import token_services
from tests.foreign.google.authority import Authority, rsa_key
from tests.foreign.google.credential_kinds import Wallet
from tests.foreign.google.proxy import ConnectProxy
from tests.patience import PATIENCE_SECONDS

APIS = ("run.googleapis.com", "monitoring.googleapis.com")
OTHER_APIS = ("run-acme.p.googleapis.com", "monitoring-acme.p.googleapis.com", "run.apis-tpc.example",
              "monitoring.apis-tpc.example")
"""The same behind private endpoints, and in another universe."""

UNSET = ("GOOGLE", "GCE_", "CLOUDSDK", "GRPC_", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTP", "http", "NO_PROXY", "no_proxy",
         "AWS_", "STOKER_")
POLICY = """
version: 1
defaults: {{mode: {mode}, max: 20, credentials: {credentials}}}
pools:
  - {{name: chat, min: {low}, lever: {{kind: cloud-run-min-instances, project: acme, location: europe-west1, service: chat}}}}
"""
CHAT = "projects/acme/locations/europe-west1/services/chat"


class GoogleCloud:
    """The servers and what is in them. `environment` is all that a command is given. `impersonated`: in the policy."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.impersonated = folder, None
        self.world = RunSandbox(daemons.sandbox_of())
        self.tokens = self.world.accepted = token_services.Tokens()
        self.services = token_services.TokenServices(self.tokens)
        self.proxy = ConnectProxy()
        self.authority = Authority(folder)
        self.world.add_service("chat", daemons.steady_history(2), startup_seconds=0.2)

    def environment(self, kind: str = "service account", **changes: str | None) -> dict[str, str]:
        """Variables for a command whose credentials are of this kind; a change of None leaves one out."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(UNSET)}
        ours = {"https_proxy": self.proxy.url, "no_proxy": "127.0.0.1", "REQUESTS_CA_BUNDLE": str(self.authority.path),
                "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(self.authority.path), "HOME": str(self.folder), "COLUMNS": "400",
                "NO_GCE_CHECK": "false" if kind == "metadata server" else "true"}
        wanted = kept | ours | self.wallet.variables(kind) | changes
        return {name: value for name, value in wanted.items() if value is not None}

    def policy(self, mode: str = "shadow", low: int = 0) -> Path:
        path = self.folder / "policy.yaml"
        credentials = "null" if self.impersonated is None else f"{{impersonate: {self.impersonated}}}"
        path.write_text(POLICY.format(mode=mode, low=low, credentials=credentials))
        return path

    async def doctor(self, environment: dict[str, str], seconds: float = PATIENCE_SECONDS) -> tuple[int, str, str]:
        """Exit code and output of `stoker doctor`, on one line a finding."""
        return await daemons.stoker("doctor", str(self.policy()), "--state-dir", str(self.folder / "state"), seconds=seconds,
                                    environment=environment, inherited=False, google=True)

    def daemon(self, environment: dict[str, str], mode: str = "active", low: int = 0):
        """`stoker run`; see `tests.e2e.daemons.daemon`."""
        return daemons.daemon(self.policy(mode, low), self.folder / "state", None, environment=environment, inherited=False,
                              google=True)

    @property
    def minimum(self) -> int:
        return self.world.find(CHAT).service.message.scaling.min_instance_count

    async def _start(self) -> None:
        key, certificate = self.authority.issue(*APIS, *token_services.NAMES, *OTHER_APIS)
        pair = (key.read_bytes(), certificate.read_bytes())
        self.grpc = GrpcSandboxServer(self.world, credentials=grpc.ssl_server_credentials([pair]))
        port = int((await self.grpc.start()).rpartition(":")[2])
        private, self.tokens.public_key = rsa_key()
        tls, plain = await self.services.start(key, certificate)
        self.proxy.routes = dict.fromkeys((*APIS, *OTHER_APIS), port) | dict.fromkeys(token_services.NAMES, tls)
        self.wallet = Wallet(self.folder, private, plain)


@asynccontextmanager
async def google_cloud(folder: Path):
    """Started, and stopped at the end."""
    cloud = GoogleCloud(folder)
    await cloud._start()
    try:
        async with cloud.proxy:
            yield cloud
    finally:
        await cloud.grpc.stop()
        await cloud.services.stop()
