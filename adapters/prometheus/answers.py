"""Answers of the HTTP API of Prometheus: points by minute, or the error with its remedy. Pure.

A value for the minute before each timestamp is a float; NaN: the minute has no point; infinity: its point is not a number that
can be demand (NaN or infinite).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import inf, isfinite, nan
from typing import Any

import numpy as np

from adapters.ports.errors import AdapterError, Malformed, NotFound, PermissionDenied, Throttled, Unreachable, Unsupported, brief
from adapters.ports.minute_rows import Minutes

INFO = "PromQL info:"
"""Start of a remark about a query that is no warning; Prometheus before version 3 has both in `warnings`."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an answer: its labels, and its values by minute, float64[n]."""

    labels: Mapping[str, str]
    values: Minutes


def series_of(body: bytes, what: str, first: int, end: int) -> list[Series]:
    """Return the series of an answer to a range query over the minutes from `first` up to `end`. `what`: server and setting.

    Raise `Malformed` for an answer that is not complete and regular, `Unreachable` for one that is partial.
    """
    answer = _parsed(body)
    data = None if answer is None else answer.get("data")
    if answer is None or answer.get("status") != "success" or not isinstance(data, Mapping):
        raise Malformed(f"{what}: the answer is not the JSON of Prometheus' HTTP API, or it is truncated: check that url is the "
                        "address of the API and not of a login page or another program")
    warnings = [str(each) for each in answer.get("warnings") or () if not str(each).startswith(INFO)]
    if warnings:
        raise Unreachable(f"{what}: the answer may be partial, so it is not used: {brief(warnings[0])}")
    result = data.get("result")
    if data.get("resultType") != "matrix" or not isinstance(result, Sequence):
        raise Malformed(f"{what}: the answer has {str(data.get('resultType'))[:20]} in place of a matrix: check the server")
    try:
        return [Series(dict(each["metric"]), _values(each["values"], first, end)) for each in result]
    except KeyError as missing:
        raise Malformed(f"{what}: a series of the answer has no {missing}: a query must return numbers, not native "
                        "histograms: use histogram_count, histogram_sum or histogram_quantile") from None
    except (TypeError, ValueError) as error:
        raise Malformed(f"{what}: the answer cannot be used ({brief(str(error))}): check the server and the proxies before "
                        "it") from None


def _values(points: Sequence[Sequence[Any]], first: int, end: int) -> Minutes:
    """Return points by minute. Raise `ValueError` for a timestamp that was not requested or that is repeated."""
    out = np.full(end - first, nan)
    for instant, text in points:
        minute, rest = divmod(float(instant), 60)
        at = int(minute) - 1 - first
        if rest or not 0 <= at < len(out):
            raise ValueError(f"timestamp {instant} was not requested")
        if not np.isnan(out[at]):
            raise ValueError(f"timestamp {instant} is repeated")
        value = float(text)
        out[at] = value if isfinite(value) else inf
    return out


def refusal(status: int, headers: Mapping[str, str], body: bytes, what: str) -> AdapterError:
    """Return the error of a status that is not 200. `what`: server and setting."""
    text = _reported(body)
    if status in (400, 422):
        return Unsupported(f"{what}: the server refuses the query ({status}){text}: correct the query")
    if status == 429:
        after = headers.get("Retry-After", "")
        return Throttled(f"{what}: the server limits the rate of requests (429)",
                         timedelta(seconds=min(3600, int(after))) if after.isdecimal() and len(after) < 9 else None)
    if status in (401, 403, 407):
        return PermissionDenied(f"{what}: the server refuses the request ({status}): check bearer_file, bearer_env, basic, "
                                "sigv4, google, azure, tls or headers_from, the permissions of the identity, and whether the "
                                "secret has expired")
    if status in (404, 405, 410):
        return NotFound(f"{what}: the server has no /api/v1/query_range below url ({status}): correct url and its path prefix")
    if 300 <= status < 400:
        return Unsupported(f"{what}: the server redirects ({status}), which is not followed: set url to the final address")
    if status >= 500 or status == 408:
        return Unreachable(f"{what}: the server has an error ({status}){text}")
    return Unsupported(f"{what}: the server responded {status}: check url")


def _reported(body: bytes) -> str:
    """Return the error that the API reports, as the end of a sentence; empty without one."""
    answer = _parsed(body)
    error = None if answer is None else answer.get("error")
    return f": {brief(error)}" if isinstance(error, str) and error else ""


def _parsed(body: bytes) -> Mapping[str, Any] | None:
    """Return the JSON object in `body`; None when it is none."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None
