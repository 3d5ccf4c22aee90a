"""Values of a function, its alias and its provisioned concurrency, and the reasons against a change now. No I/O."""

from dataclasses import dataclass
from datetime import datetime

from adapters.aws.clients import Answer
from adapters.ports.errors import AdapterError, Conflict, Unsupported
from adapters.ports.lever import Phase

LATEST = "$LATEST"
PHASES = {"READY": Phase.READY, "IN_PROGRESS": Phase.IN_PROGRESS, "FAILED": Phase.FAILED}
INIT_FAILURE = "FUNCTION_ERROR_INIT_FAILURE"


@dataclass(frozen=True, slots=True)
class Alias:
    """Version of an alias, and the shares of other versions while it has weights."""

    version: str
    weights: tuple[tuple[str, float], ...] = ()

    @classmethod
    def of(cls, answer: Answer) -> "Alias":
        """Return the alias in an answer to GetAlias, or in an item of ListAliases."""
        weights = (answer.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
        shares = sorted((str(number), float(share)) for number, share in weights.items())
        return cls(str(answer["FunctionVersion"]), tuple(shares))


@dataclass(frozen=True, slots=True)
class Function:
    """Configuration of the version of an alias. `memory_mb`: None when not reported. `reserved`: reserved concurrency of the
    function; None without any.
    """

    memory_mb: int | None
    architecture: str
    state: str
    state_reason: str
    updating: bool
    snap_start: bool
    managed_instances: bool
    reserved: int | None = None

    @classmethod
    def of(cls, configuration: Answer, reserved: int | None) -> "Function":
        """Return the function in an answer to GetFunctionConfiguration, or in the same part of GetFunction."""
        snap_start, memory = configuration.get("SnapStart") or {}, configuration.get("MemorySize")
        return cls(
            memory_mb=None if memory is None else int(memory),
            architecture=str((configuration.get("Architectures") or ["x86_64"])[0]),
            state=str(configuration.get("State", "Active")), state_reason=str(configuration.get("StateReason", "")),
            updating=configuration.get("LastUpdateStatus") == "InProgress",
            snap_start=snap_start.get("ApplyOn") == "PublishedVersions",
            managed_instances=bool(configuration.get("CapacityProviderConfig")), reserved=reserved,
        )

    @property
    def passing(self) -> bool:
        """Whether the state is transient and should be read again soon."""
        return self.updating or self.state == "Pending"


@dataclass(frozen=True, slots=True)
class Provisioned:
    """Provisioned concurrency of an alias. `allocated`: None when not reported."""

    requested: int = 0
    available: int = 0
    allocated: int | None = 0
    phase: Phase = Phase.READY
    reason: str = ""
    changed_at: datetime | None = None

    @classmethod
    def of(cls, answer: Answer, before: "Provisioned | None" = None) -> "Provisioned":
        """Return the provisioned concurrency in an answer to Get or Put. `before`: the value before a Put.

        Requested, Available and Status are required; the answer to a Put may lack Available while the allocation is in progress.
        """
        changed, allocated = answer.get("LastModified"), answer.get("AllocatedProvisionedConcurrentExecutions")
        if answer["Status"] not in PHASES:
            raise ValueError(f"Status is {str(answer['Status'])[:40]!r}, expected one of {', '.join(PHASES)}")
        requested, phase = int(answer["RequestedProvisionedConcurrentExecutions"]), PHASES[answer["Status"]]
        available = answer.get("AvailableProvisionedConcurrentExecutions")
        if available is None and phase is Phase.READY:  # READY means that all requested units are available
            available = requested
        elif available is None and before is not None:
            available = min(before.available, requested)
        if available is None:
            raise KeyError("AvailableProvisionedConcurrentExecutions")
        return cls(
            requested, int(available), None if allocated is None else int(allocated), phase, str(answer.get("StatusReason", "")),
            datetime.fromisoformat(changed) if isinstance(changed, str) else None,
        )

    @property
    def detail(self) -> str:
        """Progress of an allocation, or why it failed, as display text."""
        if self.phase is Phase.IN_PROGRESS:
            return f"{'?' if self.allocated is None else self.allocated} of {self.requested} allocated"
        if self.phase is Phase.FAILED and INIT_FAILURE in self.reason:
            return f"the function's initialisation fails ({INIT_FAILURE}): see its log"
        return self.reason if self.phase is Phase.FAILED else ""


def objection(resource: str, alias: Alias, function: Function, provisioned: Provisioned) -> AdapterError | None:
    """Return why AWS would refuse a change of the alias's provisioned concurrency, or why it is unsafe now; else None."""
    if alias.version == LATEST:
        return Unsupported(f"{resource} points to $LATEST, which cannot have provisioned concurrency: publish a version and "
                           "point the alias to it")
    if alias.weights:
        others = ", ".join(f"{number} ({share:.0%})" for number, share in alias.weights)
        if provisioned.phase is Phase.FAILED and INIT_FAILURE in provisioned.reason:
            return Conflict(f"{resource} is stuck between version {alias.version}, whose initialisation fails, and {others}: "
                            "point it back to a version that works")
        return Conflict(f"{resource} shifts traffic between version {alias.version} and {others}: AWS accepts no change until "
                        "the deployment is complete")
    if function.managed_instances:
        return Unsupported(f"{resource} runs on Lambda Managed Instances, where provisioned concurrency does not apply: use "
                           "another lever")
    if function.snap_start:
        return Unsupported(f"{resource} uses SnapStart, which excludes provisioned concurrency: disable one of them")
    if function.state == "Failed":
        return Conflict(f"{resource} is in state Failed ({function.state_reason}): deploy it again")
    if function.passing:
        return Conflict(f"{resource} is being deployed: AWS accepts no change until the deployment is complete")
    return None


def most_allowed(target: int, current: int, unreserved: int, floor: int, others: int) -> int:
    """Return the maximum units that AWS would have accepted when it refused `target` because of the account's concurrency.

    `unreserved`: by GetAccountSettings; `floor`: units of it that must stay unreserved; `others`: known provisioned concurrency
    of other aliases without reserved concurrency. AWS does not document whether provisioned concurrency is already subtracted
    from `unreserved`, so both cases are tried, the larger first; a case that would have allowed `target` is wrong. At least the
    `current` units are allowed, because AWS accepted them before.
    """
    for guess in (unreserved - floor + current, unreserved - floor - others):
        if guess < target:
            return max(guess, current if current < target else 0, 0)
    return min(current, target - 1)
