"""Services that hand out temporary credentials as AWS's own do: the container endpoint of ECS and EKS, the instance metadata
service (version 2), and the portal of IAM Identity Center. An emulator issued the credentials and checks them.
"""

import asyncio
import contextlib

from aiohttp import web

from tests.web_servers import served

AUTHORIZATION = "Basic container-secret"
METADATA_TOKEN = "metadata-token"
SSO_TOKEN = "sso-access-token"
METADATA = "/latest/meta-data/iam/security-credentials/"


class TokenService:
    """Answers with credentials of `role` in `account` that expire after `seconds`. `issued`: access keys, oldest first.
    `waiting`: requests that came while it hung."""

    def __init__(self, account, role, seconds=3600):
        self.account, self.role, self.seconds = account, role, seconds
        self.issued, self.refused, self.waiting, self.url = [], 0, 0, None
        self.hanging = asyncio.Event()
        self.hanging.set()

    @contextlib.asynccontextmanager
    async def running(self):
        async with served(self._answer) as self.url:
            yield self
            self.hanging.set()

    async def _answer(self, request):
        self.waiting += not self.hanging.is_set()
        await self.hanging.wait()
        if request.path == "/latest/api/token":
            return web.Response(text=METADATA_TOKEN, headers={"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": "21600"})
        if not self._knows(request):
            self.refused += 1
            return web.Response(status=401, text="unknown caller")
        if request.path == METADATA:
            return web.Response(text="instance-role")
        keys = await asyncio.to_thread(self.account.temporary_keys, self.role, self.seconds)
        self.issued.append(keys["AccessKeyId"])
        if request.path == "/federation/credentials":
            return web.json_response({"roleCredentials": {
                "accessKeyId": keys["AccessKeyId"], "secretAccessKey": keys["SecretAccessKey"],
                "sessionToken": keys["SessionToken"], "expiration": int(keys["Expiration"].timestamp() * 1000)}})
        return web.json_response({
            "Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": keys["AccessKeyId"], "Token": keys["SessionToken"],
            "SecretAccessKey": keys["SecretAccessKey"], "Expiration": keys["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ")})

    def _knows(self, request):
        if request.path.startswith(METADATA):
            return request.headers.get("x-aws-ec2-metadata-token") == METADATA_TOKEN
        if request.path == "/federation/credentials":
            return request.headers.get("x-amz-sso_bearer_token") == SSO_TOKEN
        return request.headers.get("Authorization") == AUTHORIZATION
