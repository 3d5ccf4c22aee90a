"""Settings of demand sources that need no provider."""

from typing import Annotated, Literal

from pydantic import Field

from config.model.demand import DemandSettings

AbsolutePath = Annotated[str, Field(pattern=r"^/[^\x00\n\r]*[^/\x00\n\r]$", max_length=4096)]


class HistoryFileSettings(DemandSettings):
    """A CSV file with one row a minute, to which another program appends."""

    kind: Literal["history-file"]
    path: AbsolutePath = Field(examples=["/var/lib/gateway/support-agent.csv"])
    """Absolute path of the file, in the form of `stoker history`; not compressed."""
