"""Cached state of the alias and the function of a lever."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from adapters.aws.lambda_.control_plane import ControlPlane
from adapters.aws.lambda_.functions import Alias, Function
from adapters.ports.errors import AdapterError
from adapters.runtime.clock import Clock


class AliasMonitor:
    """One alias and its function. The alias is cached for `fresh` unless it shifts traffic; the function, until `read_function`
    is called, unless it is being deployed. All methods except `owner` raise `AdapterError`.
    """

    def __init__(self, plane: ControlPlane, clock: Clock, function: str, alias: str, fresh: timedelta) -> None:
        self._plane, self._clock, self._fresh = plane, clock, fresh
        self.function, self._name = function, alias
        self.resource = f"Lambda alias {function}:{alias} in {plane.place}"
        self.key = f"{function}:{alias}"
        self.qualified: Mapping[str, str] = {"FunctionName": function, "Qualifier": alias}
        self._alias: tuple[Alias, datetime] | None = None
        self._facts: Function | None = None

    @property
    def reserves(self) -> bool:
        """Whether the function has reserved concurrency, by the last read."""
        return self._facts is not None and self._facts.reserved is not None

    async def alias(self) -> Alias:
        """Return the cached alias; read it when it is older than `fresh` or shifted traffic."""
        if self._alias is not None:
            alias, at = self._alias
            if not alias.weights and self._clock.now() - at < self._fresh:
                return alias
        return await self.read_alias(urgent=False)

    async def read_alias(self, *, urgent: bool) -> Alias:
        """Read the alias. `urgent`: right before a write, ahead of other waiting calls."""
        parameters = {"FunctionName": self.function, "Name": self._name}
        if urgent:
            alias = await self._plane.call_urgently("get_alias", self.resource, parameters, Alias.of, writes=False)
        else:
            alias = await self._plane.read("get_alias", self.resource, parameters, Alias.of)
        self._alias = alias, self._clock.now()
        return alias

    async def function_facts(self) -> Function:
        """Return the cached function; read it when there is none or it was being deployed."""
        if self._facts is None or self._facts.passing:
            return await self.read_function()
        return self._facts

    async def read_function(self) -> Function:
        """Read the function."""
        self._facts = await self._plane.function(self.resource, self.qualified)
        return self._facts

    async def owner(self, alias: Alias) -> tuple[str | None, AdapterError | None]:
        """Return the other autoscaler of the alias or its version, or the error that hides it, which blocks writes."""
        try:
            return await self._plane.foreign_scaler(self.function, (self._name, alias.version)), None
        except AdapterError as error:
            return None, error
