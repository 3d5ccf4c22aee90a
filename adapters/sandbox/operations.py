"""API operations of the emulated services: name, handler, and whether a call changes something."""

from collections.abc import Callable
from typing import NamedTuple

from adapters.sandbox.wire import Call, Reply
from adapters.sandbox.world import Sandbox

Handler = Callable[[Sandbox, Call], Reply]


class Operation(NamedTuple):
    """One API operation. `mutating`: it changes something, or starts something that costs money."""

    name: str
    handler: Handler
    mutating: bool = False
