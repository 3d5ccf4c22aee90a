"""Payloads of pings in the formats of the supported handlers, and the check of their answers. No I/O.

lambda-warmer and serverless-plugin-warmup are libraries for Node handlers; their formats are read from their sources.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from adapters.aws.settings import LambdaPingSettings

PLUGIN = "serverless-plugin-warmup"

PROVISIONED = "provisioned-concurrency"
"""Value of `AWS_LAMBDA_INITIALIZATION_TYPE` in a provisioned environment. Others are `on-demand` and `snap-start` (Lambda's list
of environment variables).
"""


class Ping(NamedTuple):
    """Ping `order` (from 0) of `of` concurrent ones. `mark`: identifies the burst in the handler's log. `hold_ms`: how long
    Stoker's helper holds it; other handlers have their own time.
    """

    order: int
    of: int
    mark: str
    hold_ms: int


def parameters(settings: LambdaPingSettings, ping: Ping) -> dict[str, object]:
    """Return the parameters of Invoke for a ping."""
    invoke: dict[str, object] = {
        "FunctionName": settings.function, "Qualifier": settings.alias, "InvocationType": "RequestResponse", "LogType": "Tail",
        "Payload": json.dumps(_payload(settings, ping)).encode(),
    }
    if settings.handler == PLUGIN:
        context = json.dumps({"custom": {"source": PLUGIN}}).encode()
        invoke["ClientContext"] = base64.b64encode(context).decode()
    return invoke


def _payload(settings: LambdaPingSettings, ping: Ping) -> Mapping[str, Any]:
    if settings.handler == "stoker":
        return {"stoker_ping": {"hold_ms": ping.hold_ms, "round": ping.mark}}
    if settings.handler == "lambda-warmer":
        # as if the library had sent it to itself: it holds pings numbered above 1, and without `concurrency` sends no others
        return {"warmer": True, "__WARMER_INVOCATION__": ping.order + 2, "__WARMER_CONCURRENCY__": ping.of + 1,
                "__WARMER_CORRELATIONID__": ping.mark}
    if settings.handler == PLUGIN:
        return {"source": PLUGIN}
    return settings.payload or {}


def environment_in(body: Any) -> str | None:  # noqa: ANN401  (any JSON)
    """Return the environment's name, which Stoker's helper adds; None with other handlers."""
    return _reported(body, "environment")


def provisioned_in(body: Any) -> bool | None:  # noqa: ANN401  (any JSON)
    """Return whether the environment is a provisioned one; None where the handler does not report its initialization type."""
    kind = _reported(body, "initialization")
    return None if kind is None else kind == PROVISIONED


def _reported(body: Any, key: str) -> str | None:  # noqa: ANN401  (any JSON)
    """Return a text in the answer of Stoker's helper; None if there is none."""
    pong = body.get("stoker_ping") if isinstance(body, dict) else None
    text = pong.get(key) if isinstance(pong, dict) else None
    return text if isinstance(text, str) and text else None


def misunderstood(settings: LambdaPingSettings, body: Any) -> bool:  # noqa: ANN401  (any JSON)
    """Return whether the answer shows that the handler did not recognise the ping."""
    if settings.handler == "stoker":
        return environment_in(body) is None
    return settings.answer is not None and body != settings.answer
