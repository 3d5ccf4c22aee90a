"""Demand as Apache Parquet, for analysis with other programs. Needs the extra `parquet`."""

from pathlib import Path

import numpy as np

from adapters.runtime.files import whole_file
from forecasting.demand import DemandSeries


class NoParquet(Exception):
    """pyarrow is not installed."""

    def __init__(self) -> None:
        super().__init__("Parquet needs pyarrow, which is not installed: install the extra parquet, or give --file-format csv")


def write_parquet(path: Path, pool: str, series: DemandSeries) -> None:
    """Write the minutes of a pool atomically, one row a minute. `NoParquet` without pyarrow.

    The columns are those of a history file and `pool`, so that a folder of files is one data set. Unknown values are null, and
    `timestamp` is in milliseconds in UTC.
    """
    try:
        import pyarrow as pa
        from pyarrow.parquet import write_table
    except ImportError:
        raise NoParquet from None
    times = np.arange(series.first_minute, series.end_minute, dtype=np.int64).astype("M8[m]").astype("M8[ms]")
    columns = {
        "pool": pa.array([pool] * len(series), pa.string()).dictionary_encode(),
        "timestamp": pa.array(times, pa.timestamp("ms", tz="UTC")),
        "invocations": pa.array(series.invocations, pa.float32(), from_pandas=True),
        "avg_concurrency": pa.array(series.busy, pa.float32(), from_pandas=True),
        "max_concurrency": pa.array(series.peak, pa.float32(), from_pandas=True),
    }
    with whole_file(path) as file:
        write_table(pa.table(columns), file, compression="zstd")
