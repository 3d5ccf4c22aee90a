"""What the levers of Lambda know of the alias they act on, and how long they take it for granted."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from adapters.aws.lambda_.control_plane import ControlPlane
from adapters.aws.lambda_.functions import Alias, Function
from adapters.ports.errors import AdapterError
from adapters.runtime.clock import Clock


class AliasWatch:
    """One alias and its function. An alias is believed for `fresh` unless it shifts traffic; a function, until `known` asks
    anew, unless it is being deployed. All but `owner` raise `AdapterError`.
    """

    def __init__(self, plane: ControlPlane, clock: Clock, region: str, function: str, alias: str, fresh: timedelta) -> None:
        self._plane, self._clock, self._fresh = plane, clock, fresh
        self.function, self._name = function, alias
        self.resource = f"Lambda alias {function}:{alias} in {region}"
        self.key = f"{function}:{alias}"
        self.qualified: Mapping[str, str] = {"FunctionName": function, "Qualifier": alias}
        self._alias: tuple[Alias, datetime] | None = None
        self._facts: Function | None = None

    @property
    def reserves(self) -> bool:
        """Whether the function has reserved concurrency of its own, as far as is known."""
        return self._facts is not None and self._facts.reserved is not None

    async def alias(self) -> Alias:
        """As last seen, unless that is old or was not at rest."""
        if self._alias is not None:
            alias, at = self._alias
            if not alias.weights and self._clock.now() - at < self._fresh:
                return alias
        return await self.look(urgent=False)

    async def look(self, *, urgent: bool) -> Alias:
        """As it is now. `urgent`: before a write, for which calls are kept back."""
        parameters = {"FunctionName": self.function, "Name": self._name}
        if urgent:
            alias = await self._plane.tell("get_alias", self.resource, parameters, Alias.of, writes=False)
        else:
            alias = await self._plane.ask("get_alias", self.resource, parameters, Alias.of)
        self._alias = alias, self._clock.now()
        return alias

    async def facts(self) -> Function:
        """The function as last seen, unless it was being deployed."""
        if self._facts is None or self._facts.passing:
            return await self.known()
        return self._facts

    async def known(self) -> Function:
        """The function as it is now."""
        self._facts = await self._plane.function(self.resource, self.qualified)
        return self._facts

    async def owner(self, alias: Alias) -> tuple[str | None, AdapterError | None]:
        """Who else scales the alias or its version; when that cannot be known, why not: then nothing is written."""
        try:
            return await self._plane.scaler(self.function, (self._name, alias.version)), None
        except AdapterError as error:
            return None, error
