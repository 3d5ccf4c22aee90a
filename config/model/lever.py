"""What the policy says of a lever. Each adapter defines its own settings beside its lever; configuration knows only this base."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class LeverSettings(BaseModel):
    """Names the resource whose warm capacity is set, and the provider mechanism (`kind`) that sets it.

    A subclass adds what its provider needs to find the resource, each with a description and examples: they become the
    JSON Schema and the messages. Nothing here may be a secret.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)

    decays: ClassVar[bool] = False
    """Whether the provider can be told ahead to lower capacity by itself, as `dead_man` needs it."""

    deletes_at_zero: ClassVar[bool] = False
    """Whether asking for 0 units deletes the provider's setting, so that `keep_setting` has something to keep."""

    outlasts: ClassVar[bool] = True
    """Whether the units that were set stay at the provider without the daemon, and even without the pool."""

    kind: str
    """The provider mechanism that sets the pool's warm capacity."""

    @property
    def resource(self) -> str:
        """The resource in one line; two pools with the same kind and resource would set the same number.

        All settings by default. A subclass whose settings hold more than the resource's address overrides this.
        """
        return " ".join(f"{name}={value}" for name, value in self if name != "kind" and value is not None)
