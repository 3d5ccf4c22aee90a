"""Which lever kinds there are, and what is built for each. A provider's library is imported only when a pool uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from adapters.clock import Clock
from adapters.errors import Unsupported
from config.lever import LeverSettings
from config.policy import PoolPolicy

if TYPE_CHECKING:  # a policy is checked without waiting for NumPy
    from numpy.random import Generator

    from adapters.protocol import DemandSource, Lever


class Provider(Protocol):
    """What the levers of one cloud share: connections, rate limits, demand sources. Made once, when its first pool is."""

    def sources(self, pools: Sequence[PoolPolicy]) -> list[tuple[DemandSource, tuple[str, ...]]]:
        """A demand source for each account and region among `pools`, with the names of the pools that it serves."""

    async def close(self) -> None:
        """Let go of threads and connections."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Where a lever kind's parts are, as `module:name`, so that naming them imports nothing.

    `settings`: a `LeverSettings` class, in a module that needs no provider library. `provider`: called with clock, generator
    and the sandbox's URL (or None), gives a `Provider`. `lever`: called with a `PoolPolicy` and that provider, gives a `Lever`.
    `extra`: the optional dependency of the distribution that brings the library.
    """

    settings: str
    provider: str
    lever: str
    extra: str


KINDS = {
    "lambda-provisioned-concurrency": Kind(
        "adapters.aws.settings:LambdaProvisionedConcurrencySettings", "adapters.aws.provider:Aws",
        "adapters.aws.provisioned_concurrency:ProvisionedConcurrency", extra="aws"),
    "lambda-ping": Kind(
        "adapters.aws.settings:LambdaPingSettings", "adapters.aws.provider:Aws", "adapters.aws.lambda_ping:LambdaPing",
        extra="aws"),
}


def lever_kinds() -> dict[str, type[LeverSettings]]:
    """The settings class of every lever kind, for the policy's loader and schema."""
    return {kind: cast("type[LeverSettings]", _named(entry.settings)) for kind, entry in KINDS.items()}


class Registry:
    """Builds levers and demand sources, and owns what they share.

    With `sandbox_url` every client goes to that address with dummy credentials and can reach nothing else.
    """

    def __init__(self, clock: Clock, rng: Generator, sandbox_url: str | None = None) -> None:
        self._clock, self._rng, self._sandbox_url = clock, rng, sandbox_url
        self._providers: dict[str, Provider] = {}

    def lever(self, pool: PoolPolicy) -> Lever:
        """The lever of one pool. `Unsupported` when the provider's library is not installed."""
        entry = KINDS[pool.lever.kind]
        provider = self._provider(entry, pool)
        return cast("Callable[[PoolPolicy, Provider], Lever]", self._loaded(entry.lever, entry, pool))(pool, provider)

    def sources(self, pools: Iterable[PoolPolicy]) -> list[tuple[DemandSource, tuple[str, ...]]]:
        """Demand sources for all of `pools`, each with the names of the pools it serves: one per account and region."""
        of_provider: dict[str, list[PoolPolicy]] = {}
        for pool in pools:
            of_provider.setdefault(KINDS[pool.lever.kind].provider, []).append(pool)
        found: list[tuple[DemandSource, tuple[str, ...]]] = []
        for members in of_provider.values():
            found.extend(self._provider(KINDS[members[0].lever.kind], members[0]).sources(members))
        return found

    async def close(self) -> None:
        """Let go of every provider's threads and connections; the registry is not used afterwards."""
        providers, self._providers = self._providers, {}
        for provider in providers.values():
            await provider.close()

    def _provider(self, entry: Kind, pool: PoolPolicy) -> Provider:
        if entry.provider not in self._providers:
            make = cast("Callable[[Clock, Generator, str | None], Provider]", self._loaded(entry.provider, entry, pool))
            self._providers[entry.provider] = make(self._clock, self._rng, self._sandbox_url)
        return self._providers[entry.provider]

    def _loaded(self, path: str, entry: Kind, pool: PoolPolicy) -> object:
        try:
            return _named(path)
        except ModuleNotFoundError as missing:
            if missing.name is not None and missing.name.split(".")[0] == "adapters":
                raise
            need = f"pool {pool.name}: its lever {pool.lever.kind} needs the library {missing.name}, which is not installed"
            raise Unsupported(f"{need}: pip install 'stoker[{entry.extra}]'") from missing


def _named(path: str) -> object:
    module, name = path.split(":")
    return getattr(import_module(module), name)
