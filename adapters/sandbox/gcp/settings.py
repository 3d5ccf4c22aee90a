"""What is true of the emulated project."""

from dataclasses import dataclass, field

from adapters.sandbox.traffic.publishing import Publishing


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Limits, delays and rates. Calls are counted by project and region, by the minute of the sandbox's clock.

    `write_per_minute`: Google grants some small projects no more than 30. `placement_seconds`: least and most from a change of
    the minimum to the first process that starts for it. `query_per_minute`: of Cloud Monitoring, by project.
    """

    read_per_minute: int = 600
    write_per_minute: int = 60
    query_per_minute: int = 6000
    placement_seconds: tuple[float, float] = (5.0, 20.0)
    publishing: Publishing = field(default_factory=lambda: Publishing(partial_share=0.0))
