"""What Lambda says of a function, its alias and its provisioned concurrency, as values; and what speaks against a change now."""

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
    """The version an alias points to, and the shares of other versions while it has weights."""

    version: str
    weights: tuple[tuple[str, float], ...] = ()

    @classmethod
    def of(cls, answer: Answer) -> "Alias":
        weights = (answer.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
        shares = sorted((str(number), float(share)) for number, share in weights.items())
        return cls(str(answer["FunctionVersion"]), tuple(shares))


@dataclass(frozen=True, slots=True)
class Function:
    """Of the version that the alias points to. `memory_mb`: None where AWS does not say. `reserved`: units that the function has
    reserved; None when none.
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
        """From GetFunctionConfiguration, or the part of GetFunction that is the same."""
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
    """Provisioned concurrency of an alias. `allocated`: None where AWS does not say."""

    requested: int = 0
    available: int = 0
    allocated: int | None = 0
    phase: Phase = Phase.READY
    reason: str = ""
    changed_at: datetime | None = None

    @classmethod
    def of(cls, answer: Answer, before: "Provisioned | None" = None) -> "Provisioned":
        """From the answer to Get or Put. `before`: what a Put changes. Only Requested, Available and Status are needed; the
        answer to a Put may lack Available while the allocation is in progress.
        """
        changed, allocated = answer.get("LastModified"), answer.get("AllocatedProvisionedConcurrentExecutions")
        if answer["Status"] not in PHASES:
            raise ValueError(f"Status is {str(answer['Status'])[:40]!r}, expected one of {', '.join(PHASES)}")
        requested, phase = int(answer["RequestedProvisionedConcurrentExecutions"]), PHASES[answer["Status"]]
        available = answer.get("AvailableProvisionedConcurrentExecutions")
        if available is None and phase is Phase.READY:  # by the meaning of this status
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
        """For people: how far an allocation is, or why it failed."""
        if self.phase is Phase.IN_PROGRESS:
            return f"{'?' if self.allocated is None else self.allocated} of {self.requested} allocated"
        if self.phase is Phase.FAILED and INIT_FAILURE in self.reason:
            return f"the function's initialisation fails ({INIT_FAILURE}): its log says why"
        return self.reason if self.phase is Phase.FAILED else ""


def objection(resource: str, alias: Alias, function: Function, provisioned: Provisioned) -> AdapterError | None:
    """Why AWS would refuse a change of this alias's provisioned concurrency, or why one would be unwise now; None: nothing."""
    if alias.version == LATEST:
        return Unsupported(f"{resource} points to $LATEST, which cannot have provisioned concurrency: publish a version and "
                           "point the alias to it")
    if alias.weights:
        others = ", ".join(f"{number} ({share:.0%})" for number, share in alias.weights)
        if provisioned.phase is Phase.FAILED and INIT_FAILURE in provisioned.reason:
            return Conflict(f"{resource} is stuck between version {alias.version}, whose initialisation fails, and {others}: "
                            "point it back to a version that works")
        return Conflict(f"{resource} shifts traffic between version {alias.version} and {others}: AWS takes no change until the "
                        "deployment is over")
    if function.managed_instances:
        return Unsupported(f"{resource} runs on Lambda Managed Instances, where provisioned concurrency does not apply: use "
                           "another lever")
    if function.snap_start:
        return Unsupported(f"{resource} uses SnapStart, which excludes provisioned concurrency: turn one of the two off")
    if function.state == "Failed":
        return Conflict(f"{resource} is in state Failed ({function.state_reason}): deploy it again")
    if function.passing:
        return Conflict(f"{resource} is being deployed: AWS takes no change until that is over")
    return None


def most_allowed(target: int, current: int, unreserved: int, floor: int, others: int) -> int:
    """The most units AWS would have accepted when it refused `target` because the account's concurrency is used up.

    `unreserved` is what GetAccountSettings says, `floor` what must be left of it, `others` the provisioned concurrency known of
    other aliases without reserved concurrency. Whether AWS has already taken provisioned concurrency off `unreserved` is not
    documented, so both readings are tried, the larger first; one that would have let `target` through is wrong. What is
    requested now was accepted once.
    """
    for guess in (unreserved - floor + current, unreserved - floor - others):
        if guess < target:
            return max(guess, current if current < target else 0, 0)
    return min(current, target - 1)
