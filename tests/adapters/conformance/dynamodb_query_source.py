"""Items of a table for each pool at a server with DynamoDB's API, read as a demand source."""

import json
from collections.abc import Mapping

import numpy as np
from aiohttp import web

from adapters.aws.provider import Aws
from adapters.aws.table_settings import DynamoQuerySettings
from tests.adapters.conformance.http_source_stage import HttpSourceStage
from tests.adapters.conformance.lambda_stage import IMPATIENT
from tests.adapters.conformance.sampled_stage import SampledStage


class DynamoQuerySource(SampledStage, HttpSourceStage):
    """Each number is that of the items of a partition."""

    kind, place, setting, secret = "dynamodb-query", "us-east-1", "us-east-1", "AKIASTOKERSANDBOX001"

    async def serve(self) -> None:
        app = web.Application()
        app.router.add_post("/", self._answer)
        await self.listen(app)

    async def _answer(self, request: web.Request) -> web.Response:
        await self.hang_if_due()
        assert request.headers["X-Amz-Target"].endswith(".Query")
        pool = json.loads(await request.text())["ExpressionAttributeValues"][":pool"]["S"]
        if pool in self.hidden:
            body, status = {"__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", "message": "no table"}, 400
        else:
            number = self.number(pool)
            body = {"Count": number if np.isfinite(number) else "many", "ConsumedCapacity": {"CapacityUnits": 1.5}}
            status = 200
        return web.json_response(body, status=status, content_type="application/x-amz-json-1.0")

    def addresses(self) -> Mapping[str, str]:
        return {"sandbox_url": f"http://127.0.0.1:{self._port}"}

    def impatient(self) -> Aws:
        return Aws(self.clock, np.random.default_rng(0), f"http://127.0.0.1:{self._port}", IMPATIENT)

    def settings(self, pool: str, *, elsewhere: bool = False) -> DynamoQuerySettings:
        return DynamoQuerySettings(kind="dynamodb-query", region="eu-west-1" if elsewhere else "us-east-1", table="sessions",
                                   key_condition="pool = :pool", values={":pool": pool})
