"""Base of all lever settings. Each adapter defines its own settings next to its lever."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from config.model.credentials import Cloud, Credentials

Address = tuple[str, str, str]
"""Kind and resource of a lever, and its account where the resource does not name it. Two pools must not share it."""


class LeverSettings(BaseModel):
    """Resource whose warm capacity is set, and the provider mechanism (`kind`) that sets it.

    A subclass adds the fields that identify the resource at its provider. Their descriptions and examples are used in the
    JSON Schema and in error messages. No field may hold a secret.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)

    schedules_fallback: ClassVar[bool] = False
    """Whether the provider can run scheduled actions that lower capacity, which `dead_man` requires."""

    deletes_at_zero: ClassVar[bool] = False
    """Whether a target of 0 units deletes the provider's setting, unless `keep_setting` is true."""

    persists: ClassVar[bool] = True
    """Whether the requested units stay at the provider when the daemon stops or the pool leaves the policy."""

    measures_init: ClassVar[bool] = True
    """Whether the daemon can measure how long a cold start takes."""

    stacks_under: ClassVar[frozenset[str]] = frozenset()
    """Kinds of levers that can be the layer above this one, on the same resource."""

    pings: ClassVar[bool] = False
    """Whether the lever sends requests to the resource, which its metrics count."""

    usual_demand: ClassVar[str] = "none"
    """Kind of the demand source of a pool that names none; its absent keys are taken from this lever."""

    cloud: ClassVar[Cloud | None] = None
    """Cloud whose identity the lever's calls have; None where they need none."""

    place_keys: ClassVar[tuple[str, ...]] = ()
    """Keys that name the place in which resources can be listed, for `select`; empty where they cannot be listed."""

    resource_keys: ClassVar[tuple[str, ...]] = ()
    """Keys that name a resource at its place, the name of the function or service first."""

    kind: str
    """The provider mechanism that sets the pool's warm capacity."""

    @property
    def resource(self) -> str:
        """Resource in one line. Two pools with the same kind and resource would set the same number.

        The default is all settings. A subclass whose settings contain more than the resource's address overrides this.
        """
        return " ".join(f"{name}={value}" for name, value in self if name != "kind" and value is not None)

    def conflict(self, top: "LeverSettings") -> tuple[str, str] | None:
        """Return the key of `top`, the layer above, that names another resource, and what to write; None if there is none.

        The default compares the keys that both have. A subclass overrides this if the two name the resource differently.
        """
        return next(((key, f"write {value}") for key, value in self if key != "kind" and getattr(top, key, value) != value), None)


def address(lever: LeverSettings, credentials: Credentials | None) -> Address:
    """Return the address of the number that a lever sets, when its pool has `credentials`.

    A resource of Google Cloud names its project; one of AWS has no account, which is that of the role, or the daemon's own ("").
    """
    of_cloud = None if credentials is None else credentials.at(lever.cloud)
    return lever.kind, lever.resource, "" if of_cloud is None or of_cloud.account is None else of_cloud.account
