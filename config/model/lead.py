"""Leading signals of a pool: series that rise before its demand does."""

from hashlib import blake2b
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, model_serializer, model_validator
from pydantic_core import PydanticCustomError

from config.model.credentials import Credentials
from config.model.demand import DemandSettings
from config.model.lever import LeverSettings

MOST_LEADS = 4
NO_SIGNAL = {
    "none": "has no values: remove it",
    "push": "is reported to a pool: name the pool that it is reported to, {pool: NAME}",
}
"""Kinds of demand sources that cannot be a leading signal, with the reason and the remedy."""


class Lead(BaseModel):
    """One leading signal: the peak of another pool, or of a demand source. A policy file has the keys of the source itself."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)

    pool: str | None = Field(default=None, examples=["planner"])
    """Name of another pool of the policy, whose demand is the signal."""
    source: SerializeAsAny[DemandSettings] | None = None
    """Demand source whose peak is the signal; None with `pool`."""
    credentials: Credentials | None = None
    """Those of the pool, as far as the source needs any. They are not in a file."""

    @property
    def name(self) -> str:
        """Return the display text: `pool planner`, `cloudwatch AWS/SQS …`."""
        return f"pool {self.pool}" if self.source is None else f"{self.source.kind} {self.source.label}"

    @property
    def series(self) -> str:
        """Return the name under which the signal is stored: that of the pool, or one of the source.

        The name of a source has a colon, so it is no pool's name. Two pools with the same source and credentials share it, and it
        is read once.
        """
        if self.source is None:
            return str(self.pool)
        reader = "" if self.credentials is None else f" {self.credentials.model_dump_json(exclude_none=True)}"
        digest = blake2b(f"{self.source.resource}{reader}".encode(), digest_size=6).hexdigest()
        return f"lead:{self.source.kind}:{digest}"

    def completed(self, pool: str, lever: LeverSettings, credentials: Credentials | None) -> Self:
        """Return the lead with the absent keys of its source set for `pool`. Raise `ValueError` if `lever` lacks one."""
        if self.source is None:
            return self
        own = None if credentials is None else credentials.at(self.source.cloud)
        return self.model_copy(update={"source": self.source.completed(lever).of_pool(pool), "credentials": own})

    @model_validator(mode="after")
    def _one_signal(self) -> Self:
        if (self.pool is None) == (self.source is None):
            raise PydanticCustomError("lead", "give exactly one of pool and source")
        if self.source is not None and self.source.kind in NO_SIGNAL:
            text = f"the source {self.source.kind} {NO_SIGNAL[self.source.kind]}"
            raise PydanticCustomError("lead", "{text}", {"text": text})
        return self

    @model_serializer
    def _in_file_keys(self) -> dict[str, Any]:
        """Return the keys of a policy file."""
        return {"pool": self.pool} if self.source is None else self.source.model_dump(mode="json", exclude_none=True)


def completed_leads(leads: tuple[Lead, ...], pool: str, lever: LeverSettings,
                    credentials: Credentials | None) -> tuple[Lead, ...]:
    """Return the leads of a pool, completed. Raise the error of the first that is not possible, with its index as `at`."""
    found: list[Lead] = []
    for index, lead in enumerate(leads):
        try:
            found.append(lead if lever.kind == "unknown" else lead.completed(pool, lever, credentials))
        except ValueError as error:
            raise _misplaced(str(error), (index,)) from None
        if lead.pool == pool:
            raise _misplaced("a pool cannot lead itself: remove it, or name another pool", (index, "pool"))
        first = next(at for at, each in enumerate(found) if each.series == found[-1].series)
        if first != index:
            raise _misplaced(f"leads[{first}] already reads this signal: remove one of the two", (index,))
    return tuple(found)


def _misplaced(text: str, at: tuple[int | str, ...]) -> PydanticCustomError:
    context: dict[str, Any] = {"text": text, "at": at}
    return PydanticCustomError("lead", "{text}", context)
