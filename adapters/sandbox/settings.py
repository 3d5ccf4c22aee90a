"""What is true of the emulated account."""

from dataclasses import dataclass, field

from adapters.sandbox.traffic.publishing import Publishing


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits, delays and rates; the defaults are AWS's documented ones.

    `region` is for ARNs: callers of any region find the same account. `concurrency`: the region's limit, of which
    `unreserved_floor` must stay unreserved. `control_rps` is shared by all of Lambda's control plane but GetFunction and
    GetPolicy; rates are per second of the sandbox's clock, with bursts of `burst_seconds` worth (AWS does not document its
    own). `preparation_seconds`: least and most before an allocation of provisioned concurrency begins. `ping_hold_ms`: how
    long a handler holds a ping, in the machine's time. Not known of AWS, so that both answers are there: `calls_counted`, whether
    GetMetricData calls are counted in AWS/Usage, and `claims_while_idle`, whether the region's claimed concurrency has a point
    in a minute in which nothing runs.
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
