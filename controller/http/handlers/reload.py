"""`POST /v1/reload`: read the policy file again."""

from aiohttp import web

from controller.fleet.policy.in_force import PolicyRefused
from controller.http.published_state import PublishedState
from controller.http.responses import Starting, json_answer


async def reload(published: PublishedState, _: web.Request) -> web.Response:
    """Read the policy file again and use it; the answer comes when it is in use. One that is refused changes nothing."""
    if published.reload is None:
        raise Starting
    try:
        done = await published.reload("POST /v1/reload")
    except PolicyRefused as refusal:  # not raised as an error: a policy has one line for each problem
        return json_answer({"error": str(refusal)}, 409)
    return json_answer({"outcome": done.outcome, "at": done.at, "trigger": done.trigger, "text": done.text,
                        "seconds": done.seconds, "hash": published.started().policy.hash, "diff": done.diff or None})
