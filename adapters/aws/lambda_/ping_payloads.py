"""What a ping says, in the words of the handlers people have, and whether the answer was a ping's. Pure.

lambda-warmer and serverless-plugin-warmup are libraries for Node handlers; their formats are read from their sources.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

from adapters.aws.settings import LambdaPingSettings

PLUGIN = "serverless-plugin-warmup"


def parameters(settings: LambdaPingSettings, order: int, of: int, mark: str) -> dict[str, object]:
    """Of Invoke, for ping number `order` (from 0) of `of` at once; `mark` tells rounds apart in the handler's log."""
    asked: dict[str, object] = {
        "FunctionName": settings.function, "Qualifier": settings.alias, "InvocationType": "RequestResponse", "LogType": "Tail",
        "Payload": json.dumps(_payload(settings, order, of, mark)).encode(),
    }
    if settings.handler == PLUGIN:
        context = json.dumps({"custom": {"source": PLUGIN}}).encode()
        asked["ClientContext"] = base64.b64encode(context).decode()
    return asked


def _payload(settings: LambdaPingSettings, order: int, of: int, mark: str) -> Mapping[str, Any]:
    if settings.handler == "stoker":
        return {"stoker_ping": {"hold_ms": settings.hold_ms, "round": mark}}
    if settings.handler == "lambda-warmer":
        # as one that the library has sent to itself: it holds those numbered above 1, and sends on none without `concurrency`
        return {"warmer": True, "__WARMER_INVOCATION__": order + 2, "__WARMER_CONCURRENCY__": of + 1,
                "__WARMER_CORRELATIONID__": mark}
    if settings.handler == PLUGIN:
        return {"source": PLUGIN}
    return settings.payload or {}


def environment_in(body: Any) -> str | None:  # noqa: ANN401  (any JSON)
    """The environment's own name, when the handler has Stoker's helper."""
    pong = body.get("stoker_ping") if isinstance(body, dict) else None
    name = pong.get("environment") if isinstance(pong, dict) else None
    return name if isinstance(name, str) and name else None


def misunderstood(settings: LambdaPingSettings, body: Any) -> bool:  # noqa: ANN401  (any JSON)
    """Whether the answer is not that of a handler which took the ping for one, as far as answers can tell."""
    if settings.handler == "stoker":
        return environment_in(body) is None
    return settings.answer is not None and body != settings.answer
