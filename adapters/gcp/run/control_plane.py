"""Cloud Run's control plane in one project and region, with the rate limits and last-read services that its pools share.

Google limits reads and writes per minute, project and region. Some small projects have 600 reads and 30 writes, which
deployments use too. Stoker uses less: 240 reads and 18 writes per minute, plus bursts.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from google.cloud import run_v2

from adapters.gcp.clients import Connections
from adapters.gcp.errors import ApiCall
from adapters.gcp.run.revisions import Revision, short
from adapters.gcp.run.services import Service
from adapters.ports.errors import AdapterError, NotFound, Unreachable, brief
from adapters.runtime.clock import Clock
from adapters.runtime.rate_limit import TokenBucket

T = TypeVar("T")

READ_RATE, READ_BURST = 4.0, 40.0
WRITE_RATE, WRITE_BURST = 0.3, 5.0
READ_PATIENCE, WRITE_PATIENCE = 50.0, 25.0
"""Longest wait for the rate limit in seconds, shorter than a tick. A call that must wait longer fails; the next tick retries."""

LISTED_FRESH = timedelta(hours=1)
PAGE = 500
MALFORMED = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
"""Exceptions on reading a response with an unexpected structure."""


class RunPlane:
    """Rate-limited calls of Cloud Run in one project and region, for levers, demand source, diagnostics and discovery."""

    def __init__(self, connections: Connections, clock: Clock, project: str, location: str) -> None:
        self.project, self.location = project, location
        self._region = f"projects/{project}/locations/{location}"
        self._connections, self._clock = connections, clock
        place = f"{project} in {location}"
        self._reads = TokenBucket(clock, READ_RATE, READ_BURST, f"Cloud Run reads of {place}")
        self._writes = TokenBucket(clock, WRITE_RATE, WRITE_BURST, f"Cloud Run writes of {place}")
        self.services: dict[str, Service] = {}
        """Last-read services by short name."""
        self.unreadable: dict[str, str] = {}
        """Entries of the last list that could not be read: name -> reason."""
        self._revisions: dict[str, dict[str, Revision]] = {}
        self._listed_at: datetime | None = None

    async def get(self, service: str, *, urgent: bool = False) -> Service:
        """Return the current service, with its revisions that have traffic or a tag."""
        call = ApiCall("GetService", self.resource(service), "run.services.get")
        name = self._name(service)
        answered = await self._limited(self._reads, call, "get_service", run_v2.GetServiceRequest(name=name),
                                       lambda answer: Service.of(answer, name), urgent=urgent)
        current = self.services[service] = await self._completed(service, answered, urgent=urgent)
        return current

    async def set_minimum(self, service: str, minimum: int, etag: str, *, urgent: bool) -> None:
        """Request another minimum of the service. The mask names only this field, for which Cloud Run creates no revision.

        With `etag`, Cloud Run rejects the call when the service has changed since that read. Accepted does not mean warm: read
        the service again for that.
        """
        call = ApiCall("UpdateService", self.resource(service), "run.services.update", writes=True)
        request = run_v2.UpdateServiceRequest(
            service=run_v2.Service(name=self._name(service), scaling={"min_instance_count": minimum}, etag=etag),
            update_mask={"paths": ["scaling.min_instance_count"]},
        )
        await self._limited(self._writes, call, "update_service", request, _accepted, urgent=urgent)

    async def listed(self, services: tuple[str, ...]) -> dict[str, Service | AdapterError]:
        """Return the last-read state of `services`, or the error of one that could not be read.

        If one was never read, the region is listed, at most once an hour. A service that does not exist is omitted.
        """
        now = self._clock.now()
        due = self._listed_at is None or now - self._listed_at >= LISTED_FRESH
        if due and any(service not in self.services for service in services):
            await self._list()
            self._listed_at = now
        return {service: known for service in services if (known := await self._known(service)) is not None}

    async def all(self) -> dict[str, Service | AdapterError]:
        """Return the current state of every service of the region, or the error of one that could not be read."""
        self.services.clear()
        await self._list()
        names = sorted(self.services.keys() | self.unreadable.keys())
        return {name: known for name in names if (known := await self._known(name)) is not None}

    async def revision(self, service: str, revision: str, *, urgent: bool = False) -> Revision:
        """Read a revision. A revision never changes, so the plane keeps it while it has traffic or a tag."""
        call = ApiCall("GetRevision", f"revision {revision} of {self.resource(service)}", "run.revisions.get")
        request = run_v2.GetRevisionRequest(name=f"{self._name(service)}/revisions/{revision}")
        async with self._reads.turn(urgent=urgent, patience=READ_PATIENCE):
            return await self._connections.revisions(call, "get_revision", request, Revision.of)

    async def list_one(self) -> None:
        """List one service of the region. Raise `PermissionDenied` when the region may not be listed."""
        await self._page(1)

    async def permissions(self, service: str, wanted: tuple[str, ...]) -> set[str]:
        """Return which of the permissions `wanted` the caller has on the service. The call itself needs no permission."""
        await self._reads.take(patience=READ_PATIENCE)
        return await self._connections.permissions(ApiCall("TestIamPermissions", self.resource(service), ""), self._name(service),
                                                   wanted)

    def resource(self, service: str) -> str:
        """Return the name of a service in messages."""
        return f"Cloud Run service {service} of {self.project} in {self.location}"

    def close(self) -> None:
        """Cancel calls that wait for a rate limit."""
        self._reads.close()
        self._writes.close()

    def _name(self, service: str) -> str:
        return f"{self._region}/services/{service}"

    async def _known(self, service: str) -> Service | AdapterError | None:
        """Return the last-read state of a service or its error; None when it does not exist."""
        if service not in self.services:
            why = self.unreadable.get(service)
            return None if why is None else Unreachable(f"{self.resource(service)}: ListServices returned an entry that "
                                                        f"cannot be read ({why}); it is omitted")
        try:
            self.services[service] = await self._completed(service, self.services[service])
        except AdapterError as error:
            return error
        return self.services[service]

    async def _completed(self, service: str, answered: Service, *, urgent: bool = False) -> Service:
        """Return the service with all its revisions. A response describes only the newest one, by its template."""
        known = {**self._revisions.get(service, {}), **answered.revisions}
        try:
            for name in answered.missing:
                if name not in known:
                    known[name] = await self.revision(service, name, urgent=urgent)
        except NotFound:
            raise Unreachable(f"{self.resource(service)}: a revision was deleted while the service was read") from None
        self._revisions[service] = {target.revision: known[target.revision] for target in answered.targets}
        return replace(answered, revisions=self._revisions[service])

    async def _list(self) -> None:
        self.unreadable.clear()
        token = ""
        while True:
            page, token = await self._page(PAGE, token)
            for answer in page:
                name = short(answer.name)
                try:
                    self.services.setdefault(name, Service.of(answer, self._name(name)))
                except MALFORMED as error:
                    self.unreadable[name or "a service without a name"] = brief(f"{type(error).__name__}: {error}")
            if not token:
                return

    async def _page(self, size: int, token: str = "") -> tuple[list[Any], str]:
        """Return up to `size` services, and the token of the next page, which is empty after the last."""
        call = ApiCall("ListServices", f"Cloud Run services of {self.project} in {self.location}", "run.services.list")
        request = run_v2.ListServicesRequest(parent=self._region, page_size=size, page_token=token)
        return await self._limited(self._reads, call, "list_services", request, _services)

    async def _limited(self, bucket: TokenBucket, call: ApiCall, method: str, request: object, digest: Callable[[Any], T], *,
                       urgent: bool = False) -> T:
        async with bucket.turn(urgent=urgent, patience=WRITE_PATIENCE if call.writes else READ_PATIENCE):
            return await self._connections.services(call, method, request, digest)


def _accepted(operation: Any) -> None:  # noqa: ANN401  (a long-running operation of the library)
    """Check that the response is an operation. It is not awaited: the next read of the service shows its progress."""
    if not operation.operation.name:
        raise ValueError("an operation without a name")


def _services(answer: Any) -> tuple[list[Any], str]:  # noqa: ANN401
    return list(answer.services), str(answer.next_page_token)
