"""Cloud Run's control plane in one project and region, with what all its pools share: the rate limits and what was last seen.

Google counts reads and writes by the minute, project and region; some small projects are granted no more than 600 reads and 30
writes, which deployments live from too. Stoker keeps well below both.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from google.cloud import run_v2

from adapters.gcp.clients import Connections
from adapters.gcp.errors import Asked
from adapters.gcp.run.revisions import Revision, short
from adapters.gcp.run.services import Service
from adapters.ports.errors import AdapterError, NotFound, Unreachable, brief
from adapters.runtime.clock import Clock
from adapters.runtime.rate_limit import TokenBucket

T = TypeVar("T")

READ_RATE, READ_BURST = 4.0, 40.0
WRITE_RATE, WRITE_BURST = 0.3, 5.0
READ_PATIENCE, WRITE_PATIENCE = 50.0, 25.0
"""Seconds: a reading that would wait longer for its turn than to the next tick waits for that tick instead."""

LISTED_FRESH = timedelta(hours=1)
PAGE = 500
MALFORMED = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
"""What reading an answer of an unexpected shape raises."""


class RunPlane:
    """Every call that a lever makes of Cloud Run goes through here."""

    def __init__(self, connections: Connections, clock: Clock, project: str, location: str) -> None:
        self.project, self.location = project, location
        self._region = f"projects/{project}/locations/{location}"
        self._connections, self._clock = connections, clock
        place = f"{project} in {location}"
        self._reads = TokenBucket(clock, READ_RATE, READ_BURST, f"Cloud Run reads of {place}")
        self._writes = TokenBucket(clock, WRITE_RATE, WRITE_BURST, f"Cloud Run writes of {place}")
        self.seen: dict[str, Service] = {}
        """What was last seen of each service, by its short name."""
        self.unread: dict[str, str] = {}
        """Entries of the last list that could not be read, by name, with the reason."""
        self._revisions: dict[str, dict[str, Revision]] = {}
        self._listed_at: datetime | None = None

    async def get(self, service: str, *, urgent: bool = False) -> Service:
        """The service as it is now, with the revisions that serve."""
        asked = Asked("GetService", self.resource(service), "run.services.get")
        name = self._name(service)
        found = await self._limited(self._reads, asked, "get_service", run_v2.GetServiceRequest(name=name),
                                    lambda answer: Service.of(answer, name), urgent=urgent)
        found = await self._completed(service, found, urgent=urgent)
        self.seen[service] = found
        return found

    async def set_minimum(self, service: str, minimum: int, etag: str, *, urgent: bool) -> None:
        """Ask for another minimum of the service and of nothing else of it: the mask names that one field, for which Cloud Run
        makes no new revision. With `etag` the call is refused when somebody has changed the service since. Accepted is not
        warm: that, only a later reading tells.
        """
        asked = Asked("UpdateService", self.resource(service), "run.services.update", writes=True)
        request = run_v2.UpdateServiceRequest(
            service=run_v2.Service(name=self._name(service), scaling={"min_instance_count": minimum}, etag=etag),
            update_mask={"paths": ["scaling.min_instance_count"]},
        )
        await self._limited(self._writes, asked, "update_service", request, _accepted, urgent=urgent)

    async def listed(self, services: tuple[str, ...]) -> dict[str, Service | AdapterError]:
        """What is known of `services`, or why one of them could not be read. Those never seen are read by listing the region, at
        most once an hour; one that does not exist is left out.
        """
        now = self._clock.now()
        due = self._listed_at is None or now - self._listed_at >= LISTED_FRESH
        if due and any(service not in self.seen for service in services):
            await self._list()
            self._listed_at = now
        return {service: told for service in services if (told := await self._known(service)) is not None}

    async def all(self) -> dict[str, Service | AdapterError]:
        """Every service of the region, as it is now, or why it could not be read."""
        self.seen.clear()
        await self._list()
        names = sorted(self.seen.keys() | self.unread.keys())
        return {name: told for name in names if (told := await self._known(name)) is not None}

    async def revision(self, service: str, revision: str, *, urgent: bool = False) -> Revision:
        """How a revision is made; that never changes, so it is asked for once while the revision has traffic or a tag."""
        asked = Asked("GetRevision", f"revision {revision} of {self.resource(service)}", "run.revisions.get")
        request = run_v2.GetRevisionRequest(name=f"{self._name(service)}/revisions/{revision}")
        async with self._reads.turn(urgent=urgent, patience=READ_PATIENCE):
            return await self._connections.revisions(asked, "get_revision", request, Revision.of)

    async def list_one(self) -> None:
        """Whether the region may be listed, by the shortest page."""
        await self._page(1)

    async def permissions(self, service: str, wanted: tuple[str, ...]) -> set[str]:
        """Which of `wanted` the caller has on the service. Asking needs none."""
        await self._reads.take(patience=READ_PATIENCE)
        return await self._connections.permissions(Asked("TestIamPermissions", self.resource(service), ""), self._name(service),
                                                   wanted)

    def resource(self, service: str) -> str:
        """How messages call a service."""
        return f"Cloud Run service {service} of {self.project} in {self.location}"

    def close(self) -> None:
        self._reads.close()
        self._writes.close()

    def _name(self, service: str) -> str:
        return f"{self._region}/services/{service}"

    async def _known(self, service: str) -> Service | AdapterError | None:
        """What is known of one service of the region, after a list."""
        if service not in self.seen:
            why = self.unread.get(service)
            return None if why is None else Unreachable(f"{self.resource(service)}: ListServices describes it in a form that "
                                                        f"cannot be read ({why}); it is left out")
        try:
            self.seen[service] = await self._completed(service, self.seen[service])
        except AdapterError as error:
            return error
        return self.seen[service]

    async def _completed(self, service: str, found: Service, *, urgent: bool = False) -> Service:
        """The service with those of its revisions read that the answer did not describe: it has the newest one's template."""
        known = {**self._revisions.get(service, {}), **found.revisions}
        try:
            for name in found.missing:
                if name not in known:
                    known[name] = await self.revision(service, name, urgent=urgent)
        except NotFound:
            raise Unreachable(f"{self.resource(service)}: a revision was deleted while the service was read") from None
        self._revisions[service] = {target.revision: known[target.revision] for target in found.targets}
        return replace(found, revisions=self._revisions[service])

    async def _list(self) -> None:
        self.unread.clear()
        token = ""
        while True:
            page, token = await self._page(PAGE, token)
            for answer in page:
                name = short(answer.name)
                try:
                    self.seen.setdefault(name, Service.of(answer, self._name(name)))
                except MALFORMED as error:
                    self.unread[name or "a service without a name"] = brief(f"{type(error).__name__}: {error}")
            if not token:
                return

    async def _page(self, size: int, token: str = "") -> tuple[list[Any], str]:
        """Up to `size` services, and the token of the page after them; empty: there is none."""
        asked = Asked("ListServices", f"Cloud Run services of {self.project} in {self.location}", "run.services.list")
        request = run_v2.ListServicesRequest(parent=self._region, page_size=size, page_token=token)
        return await self._limited(self._reads, asked, "list_services", request, _services)

    async def _limited(self, bucket: TokenBucket, asked: Asked, method: str, request: object, digest: Callable[[Any], T], *,
                       urgent: bool = False) -> T:
        async with bucket.turn(urgent=urgent, patience=WRITE_PATIENCE if asked.writes else READ_PATIENCE):
            return await self._connections.services(asked, method, request, digest)


def _accepted(operation: Any) -> None:  # noqa: ANN401  (a long-running operation of the library)
    """The operation itself is not waited for: the service tells by its next reading how far it is."""
    if not operation.operation.name:
        raise ValueError("an operation without a name")


def _services(answer: Any) -> tuple[list[Any], str]:  # noqa: ANN401
    return list(answer.services), str(answer.next_page_token)
