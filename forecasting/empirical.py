"""Quantiles of samples with gaps: one sort, then a look-up."""

from collections.abc import Sequence

import numpy as np

from forecasting.demand import Floats


def sample_quantiles(samples: Floats, levels: Sequence[float]) -> Floats:
    """Return quantiles along the last axis of float32[..., n], which may have NaN: float32[..., levels], NaN without samples.

    A quantile is the smallest sample that at least `level` of the known samples do not exceed (inverse of the empirical
    distribution, type 1 of Hyndman and Fan 1996). It is one of the samples, so quantiles of counts are counts.
    """
    if not samples.shape[-1]:
        return np.full((*samples.shape[:-1], len(levels)), np.nan, np.float32)
    ordered = np.sort(samples, axis=-1)  # NaN goes last
    known = samples.shape[-1] - np.isnan(samples).sum(axis=-1, dtype=np.int32)
    rank = np.ceil(known[..., None] * np.asarray(levels) - 1e-9).astype(np.int32) - 1
    picked: Floats = np.take_along_axis(ordered, np.clip(rank, 0, samples.shape[-1] - 1), axis=-1)
    picked[known == 0] = np.nan
    return picked
