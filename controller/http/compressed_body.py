"""A response body that is compressed once per encoding, for any number of requests."""

import asyncio
import gzip
import hashlib
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping

from aiohttp import web
from aiohttp.helpers import ETag

from controller.http.responses import json_bytes

LEAST_BYTES = 1024
"""Smaller bodies are sent uncompressed."""

MOST_RECENT = 8
"""Number of recent response bodies that are kept with their compressed forms."""

LEVEL = 1
"""Compression level: level 1 reduces a status to 1/10; level 9 to 1/12, in 6 times as long."""

ENCODINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "gzip": lambda body: gzip.compress(body, LEVEL, mtime=0),
    "deflate": lambda body: zlib.compress(body, LEVEL),
}


class CompressedBody:
    """A JSON body and its ETag. The first request for an encoding starts the compression, in a thread."""

    def __init__(self, body: bytes, tag: str) -> None:
        self.body, self.tag = body, tag
        self._compressing: dict[str, asyncio.Future[bytes]] = {}

    def known_to(self, request: web.Request) -> bool:
        """Return whether the client has this body already, in any encoding."""
        return is_known(request.if_none_match, self.tag)

    async def answer(self, request: web.Request) -> web.Response:
        """Return the body in the encoding that the client prefers, or 304 if it is unchanged."""
        encoding = preferred_encoding(request) if len(self.body) >= LEAST_BYTES else None
        if self.known_to(request):
            answer = web.Response(status=304)
        elif encoding is None:
            answer = json_bytes(self.body)
        else:
            if encoding not in self._compressing:
                self._compressing[encoding] = asyncio.ensure_future(asyncio.to_thread(ENCODINGS[encoding], self.body))
            answer = json_bytes(await asyncio.shield(self._compressing[encoding]))
            answer.headers["Content-Encoding"] = encoding
        answer.etag = self.tag if encoding is None else f"{self.tag}-{encoding}"
        answer.headers["Vary"] = "Accept-Encoding"
        return answer


class RecentBodies:
    """The last distinct bodies, so that equal responses share their compressed forms."""

    def __init__(self) -> None:
        self._bodies: OrderedDict[str, CompressedBody] = OrderedDict()

    def compressed(self, body: bytes) -> CompressedBody:
        """Return `body` for compression, or an equal recent body that is compressed already."""
        tag = hashlib.sha256(body).hexdigest()[:16]
        recent = self._bodies.setdefault(tag, CompressedBody(body, tag))
        while len(self._bodies) > MOST_RECENT:
            self._bodies.popitem(last=False)
        return recent


def is_known(tags: tuple[ETag, ...] | None, tag: str) -> bool:
    """Return whether one of `tags` is `tag`, in any encoding."""
    names = {tag, *(f"{tag}-{encoding}" for encoding in ENCODINGS)}
    return any(each.value in names for each in tags or ())


def preferred_encoding(request: web.Request) -> str | None:
    """Return the supported encoding that the client prefers; None for no compression."""
    weights: dict[str, float] = {}
    for part in request.headers.get("Accept-Encoding", "").lower().split(","):
        name, _, more = part.partition(";")
        weights[name.strip()] = weight(more)
    best = max(ENCODINGS, key=lambda encoding: weights.get(encoding, weights.get("*", 0.0)))
    return best if weights.get(best, weights.get("*", 0.0)) > 0 else None


def weight(text: str) -> float:
    """Return the weight of an encoding, such as `q=0.5`; 1 without a weight, 0 for an invalid one."""
    name, _, value = text.partition("=")
    if not text.strip():
        return 1.0
    try:
        return float(value) if name.strip() == "q" else 0.0
    except ValueError:
        return 0.0
