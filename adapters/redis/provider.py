"""Provider of the demand of pools whose number is in Redis."""

from collections.abc import Mapping

from adapters.redis.gauges import RedisGauges
from adapters.redis.settings import RedisSettings
from adapters.sampling.provider import SampledStores, StoreGauges


class RedisStores(SampledStores[RedisSettings]):
    """See `SampledStores`."""

    kind, every, settings = "redis", 5.0, RedisSettings

    def gauges(self, pools: Mapping[str, RedisSettings], seconds: float) -> StoreGauges:
        """Return a reader of `pools`."""
        return RedisGauges(pools, seconds)
