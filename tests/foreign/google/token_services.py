"""What gives out access tokens, on loopback: OAuth 2, STS, IAM Credentials, a metadata server, a subject token's source.

Each checks what a client must send. Tokens end by the services' own clock, which can be wrong.
"""

import asyncio
import json
import secrets
import ssl
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import unquote

from aiohttp import BasicAuth, web
from google.auth import jwt

SUBJECT = "subject-token-of-the-test"
REFRESH = "1//refresh-token-of-the-test"
ACCOUNT = "stoker@acme.iam.gserviceaccount.com"
CLOUD = "https://www.googleapis.com/auth/cloud-platform"
NAMES = ("oauth2.googleapis.com", "sts.googleapis.com", "iamcredentials.googleapis.com")


class Tokens(set):
    """Bearer tokens that the APIs accept: those given out that have not ended, and JWTs that the account's key has signed."""

    def __init__(self, ahead: timedelta = timedelta(0)) -> None:
        self.ahead, self.ends, self.public_key = ahead, {}, ""
        self.used: Counter[str] = Counter()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def issue(self, seconds: float) -> str:
        """Taken for a minute longer, so that no call is refused because the machine was slow."""
        token = f"ya29.{secrets.token_urlsafe(24)}"
        self.ends[token] = self.now() + timedelta(seconds=seconds + 60)
        return token

    def __contains__(self, token: str) -> bool:
        good = self.ends[token] > self.now() if token in self.ends else self._signed(token)
        self.used[token] += good
        return good

    def _signed(self, token: str) -> bool:
        try:
            claims = jwt.decode(token, certs=self.public_key, verify=False)
            jwt.decode(token, certs=self.public_key, clock_skew_in_seconds=10**9)
        except (ValueError, TypeError):
            return False
        now = self.now().timestamp()
        return claims["iat"] - 60 < now < claims["exp"] and claims.get("scope") == CLOUD


class TokenServices:
    """`issued`: tokens given out, by service. `seconds`: how long one lives. `trouble`: service -> what it does instead."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens, self.seconds = tokens, 3600.0
        self.issued: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.trouble: dict[str, object] = {}
        """`hang`; `drip`, an answer that never ends; or a status with a body."""
        self.met = asyncio.Event()
        """Somebody has asked for a token."""
        self.refresh_token, self.clients = REFRESH, {"the-client": "the-secret"}
        self._runner: web.AppRunner | None = None

    async def start(self, key, certificate) -> tuple[int, int]:
        """The ports for TLS (what has Google's names) and in the clear (metadata and subject token)."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        app = web.Application(middlewares=[self._dated])
        app.router.add_post("/token", self._oauth)
        app.router.add_post("/v1/token", self._sts)
        app.router.add_post("/v1/oauthtoken", self._workforce)
        app.router.add_post("/v1/projects/-/serviceAccounts/{account}", self._impersonated)
        app.router.add_get("/", self._metadata)
        app.router.add_get("/computeMetadata/v1/{path:.*}", self._metadata)
        app.router.add_get("/subject", self._subject)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.01)  # 0 is no limit
        await self._runner.setup()
        sites = [web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context), web.TCPSite(self._runner, "127.0.0.1", 0)]
        for site in sites:
            await site.start()
        first, second = (address[1] for address in self._runner.addresses)
        return first, second

    async def stop(self) -> None:
        await self._runner.cleanup()

    @web.middleware
    async def _dated(self, request, handler):
        answer = await handler(request)
        answer.headers["Date"] = format_datetime(self.tokens.now(), usegmt=True)
        return answer

    async def _met(self, service: str, request):
        """What stands in for an answer of `service`; None: it answers."""
        self.asked[service] += 1
        self.met.set()
        trouble = self.trouble.get(service)
        if trouble == "hang":
            await asyncio.get_running_loop().create_future()
        if trouble == "drip":
            stream = web.StreamResponse()
            await stream.prepare(request)
            while True:
                await stream.write(b" ")
                await asyncio.sleep(0.2)
        if trouble is None:
            return None
        status, body = trouble
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(status=status, text=text, content_type="application/json")

    def _given(self, service: str) -> tuple[str, float]:
        self.issued[service] += 1
        return self.tokens.issue(self.seconds), self.seconds

    async def _oauth(self, request):
        if met := await self._met("oauth2", request):
            return met
        form = await request.post()
        known = self.clients.get(form.get("client_id")) == form.get("client_secret")
        if form["grant_type"] != "refresh_token" or not known or form["refresh_token"] != self.refresh_token:
            return web.json_response({"error": "invalid_grant", "error_description": "Bad Request: secret-text"}, status=400)
        token, seconds = self._given("oauth2")
        return web.json_response({"access_token": token, "expires_in": int(seconds), "token_type": "Bearer"})

    async def _sts(self, request):
        if met := await self._met("sts", request):
            return met
        form = await request.post()
        subject = form["subject_token"]
        signed = form["subject_token_type"].endswith("aws4_request") and "Signature%3D" in unquote(subject).replace("=", "%3D")
        if subject != SUBJECT and not signed:
            return web.json_response({"error": "invalid_grant", "error_description": "secret-text"}, status=400)
        token, seconds = self._given("sts")
        kind = "urn:ietf:params:oauth:token-type:access_token"
        return web.json_response({"access_token": token, "expires_in": int(seconds), "token_type": "Bearer",
                                  "issued_token_type": kind})

    async def _workforce(self, request):
        if met := await self._met("sts", request):
            return met
        known = BasicAuth.decode(request.headers["Authorization"])
        if self.clients.get(known.login) != known.password or (await request.post())["refresh_token"] != self.refresh_token:
            return web.json_response({"error": "invalid_grant", "error_description": "secret-text"}, status=400)
        token, seconds = self._given("sts")
        return web.json_response({"access_token": token, "expires_in": int(seconds), "token_type": "Bearer"})

    async def _impersonated(self, request):
        if met := await self._met("iamcredentials", request):
            return met
        if request.headers["Authorization"].removeprefix("Bearer ") not in self.tokens:
            return web.json_response({"error": {"status": "UNAUTHENTICATED"}}, status=401)
        assert request.match_info["account"] == f"{ACCOUNT}:generateAccessToken"
        token, _ = self._given("iamcredentials")
        ends = (self.tokens.now() + timedelta(seconds=self.seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return web.json_response({"accessToken": token, "expireTime": ends})

    async def _metadata(self, request):
        assert request.headers["Metadata-Flavor"] == "Google"
        path = request.match_info.get("path", "")
        if path.endswith("/token") and (met := await self._met("metadata", request)):
            return met
        if path.endswith("/token"):
            token, seconds = self._given("metadata")
            answer = web.json_response({"access_token": token, "expires_in": int(seconds), "token_type": "Bearer"})
        elif path.startswith("instance/service-accounts/"):
            answer = web.json_response({"email": ACCOUNT, "scopes": [CLOUD], "aliases": ["default"]})
        else:
            answer = web.Response(text={"project/project-id": "acme"}.get(path, ""), content_type="text/plain")
        answer.headers["Metadata-Flavor"] = "Google"
        return answer

    async def _subject(self, request):
        if met := await self._met("subject", request):
            return met
        return web.json_response({"id_token": SUBJECT})
