"""Base of all settings of demand sources. Each adapter defines its own settings next to its source."""

from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict

from config.model.credentials import Cloud
from config.model.lever import LeverSettings

LABEL_LENGTH = 60

class DemandSettings(BaseModel):
    """Source of a pool's demand, and the keys that identify the series at that source. No field may hold a secret."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)

    of_lever: ClassVar[tuple[str, ...]] = ()
    """Keys that are taken from the lever where they are absent. Such a field has the default None."""

    estimates_peak: ClassVar[bool] = False
    """Whether the source publishes no concurrency, so that the peak of each minute is an estimate."""

    kind: str
    """The source that the pool's demand is read from."""

    @property
    def resource(self) -> str:
        """What is read, in one line. Stored demand of another resource is read again."""
        return " ".join(f"{name}={value}" for name, value in self if name != "kind" and value is not None)

    @property
    def cloud(self) -> Cloud | None:
        """Cloud whose identity the reads have; None where they need none."""
        return None

    @property
    def label(self) -> str:
        """Return what is read in a few words, for display."""
        return shortened(self.resource)

    @property
    def billed_metrics(self) -> int:
        """Number of metrics that each read is billed for; 0 where reads are free or cheap."""
        return 0

    @property
    def hindsight(self) -> "DemandSettings | None":
        """Another source of the same demand, whose minutes replace those of this one; None where this one is the only source."""
        return None

    def completed(self, lever: LeverSettings) -> Self:
        """Return the settings with the absent keys of `of_lever` set from `lever`. Raise `ValueError` if it lacks one."""
        absent = [key for key in self.of_lever if getattr(self, key) is None]
        missing = [key for key in absent if not hasattr(lever, key)]
        if missing:
            keys = f"the key {missing[0]} is" if len(missing) == 1 else f"the keys {', '.join(missing)} are"
            raise ValueError(f"{keys} missing: {self.kind} needs {'it' if len(missing) == 1 else 'them'} below {lever.kind}, "
                             "which has no such key")
        found: dict[str, Any] = {key: getattr(lever, key) for key in absent}
        return self.model_copy(update=found) if found else self

    def of_pool(self, name: str) -> Self:  # noqa: ARG002  (most settings do not depend on it)
        """Return the settings of a leading signal of the pool `name`: with that name wherever they refer to it."""
        return self


def shortened(text: str) -> str:
    """Return `text`, or if it is too long its first `LABEL_LENGTH` - 1 characters and `…`."""
    return text if len(text) <= LABEL_LENGTH else f"{text[: LABEL_LENGTH - 1]}…"


class NoDemandSettings(DemandSettings):
    """No source: demand is unknown. Floors, schedules and events set the capacity."""

    kind: Literal["none"]
