"""Settings of the emulated Google Cloud projects."""

from dataclasses import dataclass, field

from adapters.sandbox.traffic.publishing import Publishing


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Limits, delays and rates. Calls are counted by project and region, per minute of the sandbox's clock.

    `write_per_minute`: Google grants some small projects only 30. `placement_seconds`: minimum and maximum time from a change of
    the minimum to the start of the first process for it. `query_per_minute`: limit of Cloud Monitoring, by project.
    """

    read_per_minute: int = 600
    write_per_minute: int = 60
    query_per_minute: int = 6000
    placement_seconds: tuple[float, float] = (5.0, 20.0)
    publishing: Publishing = field(default_factory=lambda: Publishing(partial_share=0.0))
