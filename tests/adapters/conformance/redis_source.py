"""A key for each pool of a server with Redis' protocol, read as a demand source."""

import numpy as np

from adapters.redis.provider import RedisStores
from adapters.redis.settings import RedisSettings
from tests.adapters.conformance.sampled_stage import SampledStage
from tests.adapters.redis.fake_redis import FakeRedis, Reply


class RedisSource(SampledStage):
    """Each number is the value of a key."""

    kind, place, setting, secret = "redis", "127.0.0.1", "host", "of-the-store"

    def __init__(self) -> None:
        super().__init__()
        self.fake = FakeRedis(self._answer)

    async def serve(self) -> None:
        await self.fake.start()

    async def die(self) -> None:
        await self.fake.stop()

    async def _answer(self, command: str, *arguments: str) -> Reply:
        await self.hang_if_due()
        pool = arguments[0]
        if pool in self.hidden:
            return ValueError("WRONGTYPE Operation against a key holding the wrong kind of value")
        return str(self.number(pool))

    def settings(self, pool: str, *, elsewhere: bool = False) -> RedisSettings:
        return RedisSettings(kind="redis", host="127.0.0.1", port=self.fake.port, database=int(elsewhere), command="GET",
                             key=pool)

    def impatient(self) -> RedisStores:
        return RedisStores(self.clock, np.random.default_rng(0), patience=1.0)
