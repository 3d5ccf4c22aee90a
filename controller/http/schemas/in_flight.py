"""Response of the endpoint for reports of requests in flight. See `controller.http.schemas.status`."""

from controller.http.schemas.shape import Shape


class ReportRecorded(Shape):
    """The report is recorded."""

    pool: str
    sender: str
    applied: bool
    """False for a repeat, which changes nothing."""
    in_flight: int | None
    """Requests in flight of the sender; null while a report before this one is missing."""
    pool_peak: int
    """Maximum in flight of all senders in the current minute so far."""
