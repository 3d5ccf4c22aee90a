"""Settings of the emulated AWS account."""

from dataclasses import dataclass, field

from adapters.sandbox.traffic.publishing import Publishing


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits, delays and rates. The defaults are documented by AWS, except where noted.

    `region` is used in ARNs only: callers of any region get the same account. `concurrency`: limit of the region, of which
    `unreserved_floor` must stay unreserved. `control_rps` is shared by Lambda's control plane except GetFunction and GetPolicy.
    Rates are per second of the sandbox's clock; a burst is the rate times `burst_seconds` (AWS does not document its bursts).
    `preparation_seconds`: minimum and maximum before an allocation of provisioned concurrency starts. `ping_hold_ms`: time that
    a handler holds a ping, in real time. AWS does not document these two, so either can be set: `calls_counted`, whether
    AWS/Usage counts GetMetricData calls, and `claims_while_idle`, whether the region's claimed concurrency has a point in a
    minute without running requests.
    """

    account: str = "123456789012"
    region: str = "us-east-1"
    concurrency: int = 1000
    unreserved_floor: int = 100
    control_rps: float = 15.0
    get_function_rps: float = 100.0
    get_policy_rps: float = 15.0
    metric_rps: float = 50.0
    list_metrics_rps: float = 25.0
    burst_seconds: float = 2.0
    preparation_seconds: tuple[float, float] = (60.0, 120.0)
    ping_hold_ms: int = 75
    calls_counted: bool = True
    claims_while_idle: bool = True
    publishing: Publishing = field(default_factory=Publishing)
