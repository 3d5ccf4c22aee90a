"""Policy settings of the demand source that counts items of a DynamoDB table. Imports no AWS library."""

import re
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from adapters.aws.settings import AwsDemandSettings, Region

NAME = r"^[A-Za-z0-9_.-]{3,255}$"
NOW = ":now"
PLACEHOLDER = re.compile(r"[#:][A-Za-z0-9_]+")

AttributeName = Annotated[str, Field(pattern=r"^#[A-Za-z0-9_]{1,100}$")]
ValueName = Annotated[str, Field(pattern=r"^:[A-Za-z0-9_]{1,100}$")]
Value = Annotated[str, Field(min_length=1, max_length=1000)] | int | float


class DynamoQuerySettings(AwsDemandSettings):
    """The number of items of a DynamoDB table or index that a key condition selects, counted every 10 s."""

    of_lever: ClassVar[tuple[str, ...]] = ("region",)
    kind: Literal["dynamodb-query"]
    region: Region | None = Field(default=None, examples=["us-east-1"])
    """The AWS region of the table; that of the lever when absent."""
    table: str = Field(pattern=NAME, examples=["sessions"])
    """Name of the table."""
    index: str | None = Field(default=None, pattern=NAME, examples=["by-state"])
    """Name of the secondary index that is queried; the table itself when absent."""
    key_condition: str = Field(min_length=1, max_length=1000, examples=["#state = :open AND expires > :now"])
    """Condition on the partition key, and optionally on the sort key."""
    names: dict[AttributeName, Annotated[str, Field(min_length=1, max_length=255)]] = Field(default_factory=dict,
                                                                                          examples=[{"#state": "state"}])
    """Names of attributes that are reserved words, by their placeholder."""
    values: dict[ValueName, Value] = Field(default_factory=dict, examples=[{":open": "open"}])
    """Values by their placeholder: text or numbers. `:now` is given: the current time in seconds since the epoch."""

    @model_validator(mode="after")
    def _placeholders_are_given(self) -> Self:
        used, given = set(PLACEHOLDER.findall(self.key_condition)), {*self.names, *self.values}
        if NOW in given:
            raise PydanticCustomError("values", ":now is the current time: remove it", {"at": ("values",)})
        if missing := sorted(used - given - {NOW}):
            where = "names" if missing[0].startswith("#") else "values"
            raise PydanticCustomError("values", "{name} is not in {where}: add it", {"name": missing[0], "where": where,
                                                                                     "at": ("key_condition",)})
        if extra := sorted(given - used):
            raise PydanticCustomError("values", "{name} is not in key_condition: remove it", {"name": extra[0]})
        return self
