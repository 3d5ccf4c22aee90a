"""Policy settings of the demand source `postgresql`. Imports no PostgreSQL library."""

import re
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from adapters.sampling.settings import HOST, StoreSettings

READS = re.compile(r"\s*(select|with|values|table)\b", re.IGNORECASE)


class PostgresqlSettings(StoreSettings):
    """A number that a query in PostgreSQL or a server with its protocol returns, sampled every 10 s."""

    number: ClassVar[tuple[str, ...]] = ("query",)
    kind: Literal["postgresql"]
    host: str = Field(pattern=rf"{HOST}|^/[!-~]{{1,200}}$", examples=["db.example.com"])
    """Name or IP address of the server, or the folder of its Unix socket."""
    port: int = Field(default=5432, ge=1, le=65535, examples=[5432])
    """Port of the server."""
    database: str = Field(pattern=r"^[^\x00-\x1f]{1,63}$", examples=["app"])
    """Name of the database."""
    username: str = Field(pattern=r"^[^\x00-\x1f]{1,63}$", examples=["stoker"])
    """Role that may read what the query needs."""
    query: str = Field(min_length=1, max_length=5000, examples=["SELECT count(*) FROM sessions WHERE closed_at IS NULL"])
    """One SELECT that returns one row with one number."""

    @property
    def unprotected(self) -> bool:
        """Return whether a password is sent over a network without TLS."""
        return super().unprotected and not self.host.startswith("/")

    @model_validator(mode="after")
    def _one_select(self) -> Self:
        if not READS.match(self.query):
            raise PydanticCustomError("query", "a query must begin with SELECT, WITH, VALUES or TABLE", {"at": ("query",)})
        if ";" in self.query:
            raise PydanticCustomError("query", "a query is one statement without a semicolon: remove it", {"at": ("query",)})
        if "\x00" in self.query:
            raise PydanticCustomError("query", "a query has no NUL character: remove it", {"at": ("query",)})
        if self.tls is not None and self.host.startswith("/"):
            raise PydanticCustomError("tls", "a Unix socket has no TLS: remove tls", {"at": ("tls",)})
        return self
