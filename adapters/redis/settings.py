"""Policy settings of the demand source `redis`. Imports no Redis library."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from adapters.sampling.settings import StoreSettings

Command = Literal["LLEN", "SCARD", "ZCARD", "XLEN", "HLEN", "PFCOUNT", "GET", "SCAN", "DBSIZE"]


class RedisSettings(StoreSettings):
    """A number in Redis or a server with its protocol, sampled every 5 s."""

    number: ClassVar[tuple[str, ...]] = ("command", "key", "pattern")
    kind: Literal["redis"]
    port: int = Field(default=6379, ge=1, le=65535, examples=[6379])
    """Port of the server."""
    database: int = Field(default=0, ge=0, le=10_000, examples=[0])
    """Number of the database."""
    command: Command = Field(examples=["LLEN"])
    """The command that returns the number. `SCAN` counts the keys that match `pattern`."""
    key: str | None = Field(default=None, min_length=1, max_length=1000, examples=["jobs"])
    """The key that the command is for; all commands but `SCAN` and `DBSIZE` need it."""
    pattern: str | None = Field(default=None, min_length=1, max_length=1000, examples=["session:*"])
    """Pattern of the keys that `SCAN` counts."""

    @model_validator(mode="after")
    def _command_is_complete(self) -> Self:
        if self.username is not None and self.password_env is None:
            raise PydanticCustomError("password", "username needs password_env", {"at": ("username",)})
        for name, needed in (("key", self.command not in ("SCAN", "DBSIZE")), ("pattern", self.command == "SCAN")):
            if needed != (getattr(self, name) is not None):
                problem = "needs" if needed else "takes no"
                raise PydanticCustomError("command", "{command} {problem} {name}",
                                          {"command": self.command, "problem": problem, "name": name, "at": (name,)})
        return self
