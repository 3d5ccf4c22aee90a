"""Average and maximum of requests in flight, estimated from requests and their duration. Arrays only, no I/O.

For providers that publish how many requests ended and how long they took, but not how many ran at once.
"""

import math

import numpy as np

from adapters.ports.minute_rows import Minutes, filled

LONGEST_REQUEST = 60
"""Minutes over which the work of a request is spread at most."""


def estimated(requests: Minutes, seconds: Minutes, usual: float | None = None) -> tuple[Minutes, Minutes]:
    """Return the average and the maximum of requests in flight by minute: float64[n] each, NaN where no duration is known.

    `requests` that ended in each minute, 0 without any; `seconds`: their mean duration, NaN where unknown, where the last known
    one counts, else `usual`. The work is spread over the minutes before the end (Little's law). The maximum is that of
    independent arrivals: `L + z sqrt(L)` for an average of `L`, where z grows with the number of requests that can follow each
    other within the minute; at most all requests of the minute and those that ran before.
    """
    lasted = filled(seconds, usual)
    in_flight = spread_before_end(requests, np.where(requests > 0, lasted, 0.0))
    average = np.nan_to_num(in_flight)
    peak = np.minimum(average + burst(average, lasted), requests + np.ceil(average))
    peak = np.ceil(peak - 1e-9)
    busy = np.minimum(average, peak)
    unknown = np.isnan(in_flight)
    return np.where(unknown, np.nan, busy), np.where(unknown, np.nan, peak)


def burst(in_flight: Minutes, seconds: Minutes) -> Minutes:
    """Return by how much the maximum exceeds an average of `in_flight` requests, which take `seconds` each."""
    turns = np.maximum(60 / np.maximum(np.where(np.isnan(seconds), 60.0, seconds), 0.001), np.e)
    out: Minutes = np.sqrt(2 * np.log(turns) * in_flight)
    return out


def spread_before_end(requests: Minutes, seconds: Minutes) -> Minutes:
    """Return average requests in flight by minute, when `requests` ended in each minute after `seconds` each."""
    work = requests * seconds / 60
    lengths = np.clip(np.nan_to_num(seconds) / 60, 0, LONGEST_REQUEST)
    out = work.copy()
    for row in np.flatnonzero(lengths > 1):
        minutes = math.ceil(float(lengths[row]))
        out[row] -= work[row]
        out[max(0, int(row) - minutes + 1) : row + 1] += work[row] / minutes
    return out
