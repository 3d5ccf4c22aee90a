"""Secrets are planted wherever a daemon is given one, and all outside quotes them back. Nothing that it says or keeps has one."""

import asyncio
import json
import secrets
import signal

import aiohttp
from aiohttp import web

from controller.http.routes import ROUTES
from tests.e2e.daemons import daemon, policy_text, stoker
from tests.web_servers import served

POLICY = """\
  - name: pinged
    lever:
      kind: http-ping
      url: {url}/ping
      headers_from: {{Authorization: PING_AUTHORIZATION, X-Agent: PING_AGENT}}
      opted_in: true
    demand:
      kind: http-metrics
      url: {url}/metrics
      headers_from: {{Authorization: PING_AUTHORIZATION, X-Agent: PING_AGENT}}
    min: 2
    max: 5
notify:
  - {{name: hook, kind: webhook, url_env: HOOK_URL, secret_env: HOOK_SIGNING}}
"""
ERRORS = ("AccessDeniedException", "ResourceNotFoundException", "ResourceConflictException", "InvalidParameterValueException",
          "InvalidSignatureException", "TooManyRequestsException", "ServiceException", "SomethingNewException")


class Gossip:
    """Answers everybody, in the place of every provider, with an error that quotes all it was sent and all it ever heard."""

    def __init__(self, known):
        self.known, self.count, self.heard = known, 0, set()

    async def answer(self, request):
        self.count += 1
        quoted = "; ".join([*(f"{name} was {value}" for name, value in request.headers.items()), *self.known])
        sent = f"{request.url} {quoted.removesuffix('; '.join(self.known))}"
        self.heard |= {secret for secret in self.known if secret in sent}
        code = ERRORS[self.count % len(ERRORS)]
        body = {"Type": "User", "__type": code, "message": quoted, "Message": quoted}
        echo = {"x-amzn-ErrorType": code, "X-Echo": quoted[:4000]}
        return web.json_response(body, status=400 if self.count % 3 else 500, headers=echo)


async def everything_told(run, names):
    """What a daemon answers to every question it takes."""
    here, told = run.told("listening")[0]["url"], []
    async with aiohttp.ClientSession() as session:
        for route in ROUTES:
            for name in names if "{name}" in route.path and not route.path.startswith("/assets") else ("",):
                if route.method == "GET" and not route.path.startswith("/assets"):
                    async with session.get(here + route.path.replace("{name}", name)) as answer:
                        told.append(f"{answer.headers} {await answer.text()}")
    return told


async def test_no_planted_secret_is_printed_logged_or_stored(tmp_path):
    planted = {name: secrets.token_urlsafe(24) for name in ("token", "key", "session", "ping", "agent", "hook", "signing")}
    gossip, policy, token = Gossip(list(planted.values())), tmp_path / "policy.yaml", tmp_path / "token"
    token.write_text(planted["token"])
    async with served(gossip.answer) as url:
        environment = {
            "AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "AKIA" + "Q" * 16, "AWS_SECRET_ACCESS_KEY": planted["key"],
            "AWS_SESSION_TOKEN": planted["session"], "PING_AUTHORIZATION": f"Bearer {planted['ping']}",
            "PING_AGENT": planted["agent"], "HOOK_URL": f"{url}/T0/{planted['hook']}", "HOOK_SIGNING": planted["signing"]}
        policy.write_text(policy_text("agent", low=3) + POLICY.format(url=url))
        named = ("--policy", str(policy))
        async with daemon(policy, tmp_path / "state", None, "--tick-seconds", "0.5", "--token-file", str(token),
                          environment=environment) as run:
            await run.until(lambda: run.told("first-tick") and run.told("decision", pool="agent")
                            and run.told("decision", pool="pinged"))
            here = run.told("listening")[0]["url"]
            order = {"kind": "pin", "units": 4, "for": "1h", "reason": f"see {planted['ping']}", "by": planted["agent"][:20]}
            bearer = {"Authorization": f"Bearer {planted['token']}"}
            async with aiohttp.ClientSession() as session:
                taken = await session.post(f"{here}/v1/pools/agent/overrides", json=order, headers=bearer)
                wrong = {planted["agent"]: planted["token"]}
                refused = await session.post(f"{here}/v1/pools/agent/overrides", json=wrong, headers=bearer)
                answers = [await taken.text(), await refused.text()]
            told = [*answers, *await everything_told(run, ("agent", "pinged", "nobody"))]
            commands = (("plan", *named), ("notify-test", *named), ("doctor", str(policy)))
            for _, out, err in await asyncio.gather(*(stoker(*command, environment=environment) for command in commands)):
                assert out + err
                told += [out, err]
            assert await run.end(signal.SIGTERM) == 0
    said = "\n".join([*told, *(json.dumps(line) for line in run.lines)])
    kept = b"".join(path.read_bytes() for path in sorted(tmp_path.glob("state/*")))

    assert {planted[name] for name in ("session", "ping", "agent", "hook")} <= gossip.heard, "nothing would be quoted else"
    assert [name for name, secret in planted.items() if secret in said] == []
    assert [name for name, secret in planted.items() if secret.encode() in kept] == []
    assert taken.status == 200
    assert len(said) > 10_000
    assert len(kept) > 10_000
