"""A query for each pool at a server with PostgreSQL's protocol, read as a demand source."""

import numpy as np

from adapters.postgresql.provider import PostgresqlStores
from adapters.postgresql.settings import PostgresqlSettings
from tests.adapters.conformance.sampled_stage import SampledStage
from tests.adapters.postgresql.fake_postgresql import FakePostgresql, Reply


class PostgresqlSource(SampledStage):
    """Each number is that of a query that names the pool."""

    kind, place, setting, secret = "postgresql", "127.0.0.1", "host", "of-the-store"

    def __init__(self) -> None:
        super().__init__()
        self.fake = FakePostgresql(self._answer)

    async def serve(self) -> None:
        await self.fake.start()

    async def die(self) -> None:
        await self.fake.stop()

    async def _answer(self, query: str) -> Reply:
        await self.hang_if_due()
        pool = query.rpartition(" ")[2]
        return "42P01" if pool in self.hidden else [(str(self.number(pool)),)]

    def settings(self, pool: str, *, elsewhere: bool = False) -> PostgresqlSettings:
        return PostgresqlSettings(kind="postgresql", host="127.0.0.1", port=self.fake.port, username="stoker",
                                  database="other" if elsewhere else "app", query=f"TABLE {pool}")

    def impatient(self) -> PostgresqlStores:
        return PostgresqlStores(self.clock, np.random.default_rng(0), patience=1.0)
