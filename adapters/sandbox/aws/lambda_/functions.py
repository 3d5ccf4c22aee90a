"""State of Lambda functions in the control plane: versions, aliases, provisioned concurrency."""

from dataclasses import dataclass, field

from adapters.sandbox.aws.lambda_.provisioned_capacity import ProvisionedCapacity, Status
from adapters.sandbox.errors import conflict, invalid, not_found

LATEST = "$LATEST"


@dataclass(slots=True)
class Version:
    """A published version (`number` is a string, as on the wire)."""

    number: str
    init_fails: bool = False
    snap_start: bool = False


@dataclass(slots=True)
class Alias:
    """A name for a version. `weights`: traffic share of other versions. `moving`: the provider set the weights itself, to keep
    traffic on the old version until the provisioned concurrency of the new one is ready.
    """

    name: str
    version: str
    weights: dict[str, float] = field(default_factory=dict)
    moving: bool = False
    revision: int = 1

    @property
    def serving(self) -> str:
        """Version that receives the traffic. Weights set by a caller have no effect on played traffic."""
        return next(iter(self.weights)) if self.moving else self.version


@dataclass(slots=True)
class LambdaFunction:
    """One function with its versions, aliases and capacities. Tests set `state` and `last_update_status` to emulate a deployment.
    `modified` is in milliseconds since the epoch. `reports_initialization`: its ping handler reports the initialization type.
    """

    name: str
    arn: str
    memory_mb: int
    architecture: str
    init_seconds: float
    keep_alive_ms: tuple[int, int]
    alias: str
    state: str = "Active"
    last_update_status: str = "Successful"
    reserved: int | None = None
    log_format: str = "Text"
    understands_pings: bool = True
    reports_initialization: bool = True
    work_done: int = 0
    modified: int = 0
    versions: dict[str, Version] = field(default_factory=dict)
    aliases: dict[str, Alias] = field(default_factory=dict)
    capacities: dict[str, ProvisionedCapacity] = field(default_factory=dict)

    def publish(self, *, init_fails: bool = False, snap_start: bool = False) -> Version:
        """Publish the next version."""
        version = Version(str(len(self.versions) + 1), init_fails, snap_start)
        self.versions[version.number] = version
        return version

    def version_of(self, qualifier: str) -> str:
        """Return the version number of a version or alias, `$LATEST` included. Raise Lambda's 404."""
        if qualifier == LATEST or qualifier in self.versions:
            return qualifier
        if qualifier in self.aliases:
            return self.aliases[qualifier].version
        kind = "Function not found" if qualifier.isdigit() else "Cannot find alias arn"
        raise not_found(f"{kind}: {self.arn}:{qualifier}")

    def capacity(self, qualifier: str) -> ProvisionedCapacity:
        """Return the provisioned concurrency of a qualifier, empty if it has none."""
        return self.capacities.setdefault(qualifier, ProvisionedCapacity())

    @property
    def provisioned(self) -> int:
        """Requested units of all qualifiers."""
        return sum(capacity.requested for capacity in self.capacities.values())

    def settle(self, at: int) -> None:
        """Complete the allocations that are due by `at` (milliseconds), and move the aliases that waited for them."""
        for qualifier, capacity in self.capacities.items():
            capacity.settle(at)
            alias = self.aliases.get(qualifier)
            if alias is not None and alias.moving and capacity.status is Status.READY:
                alias.weights, alias.moving = {}, False
                alias.revision += 1

    def check_provisionable(self, qualifier: str) -> None:
        """Raise Lambda's error if the qualifier cannot have provisioned concurrency now."""
        version = self.version_of(qualifier)
        if version == LATEST:
            raise invalid("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
        alias = self.aliases.get(qualifier)
        if alias is not None and alias.weights:
            stuck = alias.moving and self.capacity(qualifier).status is Status.FAILED
            if stuck:
                raise invalid("Invalid alias configuration for Provisioned Concurrency")
            raise invalid("Alias with weights can not be used with Provisioned Concurrency")
        if self.versions[version].snap_start:
            raise invalid("Provisioned Concurrency is not supported for functions with SnapStart enabled.")
        if self.state != "Active" or self.last_update_status == "InProgress":
            raise conflict(f"The operation cannot be performed at this time. An update is in progress for resource: {self.arn}")
        for other, capacity in self.capacities.items():
            if other != qualifier and capacity.exists and self.version_of(other) == version:
                raise conflict(f"Version {version} already has Provisioned Concurrency on {self.arn}:{other}")

    def move_alias(self, name: str, version: str, at: int, preparation: int) -> None:
        """Point an alias to another version. Its provisioned concurrency, if any, is allocated again before traffic moves."""
        alias, capacity = self.aliases[name], self.capacity(name)
        if capacity.exists and version != alias.version:
            if alias.weights:
                raise invalid("Invalid alias configuration for Provisioned Concurrency")
            alias.weights, alias.moving = {alias.version: 1.0}, True
            capacity.move(at, preparation, init_fails=self.versions[version].init_fails)
        alias.version = version
        alias.revision += 1

    def release(self, qualifier: str, at: int) -> None:
        """Delete the provisioned concurrency of a qualifier. An alias that waited for it moves at once."""
        self.capacity(qualifier).delete(at)
        alias = self.aliases.get(qualifier)
        if alias is not None and alias.moving:
            alias.weights, alias.moving = {}, False
