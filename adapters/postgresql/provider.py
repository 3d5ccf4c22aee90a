"""Provider of the demand of pools whose number is in PostgreSQL."""

from collections.abc import Mapping

from adapters.postgresql.gauges import PostgresqlGauges
from adapters.postgresql.settings import PostgresqlSettings
from adapters.sampling.provider import SampledStores, StoreGauges


class PostgresqlStores(SampledStores[PostgresqlSettings]):
    """See `SampledStores`."""

    kind, every, settings = "postgresql", 10.0, PostgresqlSettings

    def gauges(self, pools: Mapping[str, PostgresqlSettings], seconds: float) -> StoreGauges:
        """Return a reader of `pools`."""
        return PostgresqlGauges(pools, seconds)
