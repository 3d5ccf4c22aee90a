"""A body that many ask for: packed once for each way that callers want it packed, however many they are."""

import asyncio
import gzip
import zlib
from collections.abc import Callable, Mapping

from aiohttp import web
from aiohttp.helpers import ETag

from controller.http.responses import json_bytes

LEAST_BYTES = 1024
"""Packing less saves nothing."""

LEVEL = 1
"""Of compression: the fastest makes a tenth of a status, the best a twelfth in six times as long."""

WAYS: Mapping[str, Callable[[bytes], bytes]] = {
    "gzip": lambda body: gzip.compress(body, LEVEL, mtime=0),
    "deflate": lambda body: zlib.compress(body, LEVEL),
}


class CompressedBody:
    """A JSON body and the tag that names it. Packing is done in a thread, begun by the first who asks."""

    def __init__(self, body: bytes, tag: str) -> None:
        self.body, self.tag = body, tag
        self._packing: dict[str, asyncio.Future[bytes]] = {}

    def known_to(self, request: web.Request) -> bool:
        """Whether the caller has this body already, packed in whatever way."""
        return known(request.if_none_match, self.tag)

    async def answer(self, request: web.Request) -> web.Response:
        """The body as the caller wants it packed, or that it has not changed."""
        way = wanted(request) if len(self.body) >= LEAST_BYTES else None
        if self.known_to(request):
            answer = web.Response(status=304)
        elif way is None:
            answer = json_bytes(self.body)
        else:
            if way not in self._packing:
                self._packing[way] = asyncio.ensure_future(asyncio.to_thread(WAYS[way], self.body))
            answer = json_bytes(await asyncio.shield(self._packing[way]))
            answer.headers["Content-Encoding"] = way
        answer.etag = self.tag if way is None else f"{self.tag}-{way}"
        answer.headers["Vary"] = "Accept-Encoding"
        return answer


def known(tags: tuple[ETag, ...] | None, tag: str) -> bool:
    """Whether one of `tags` names what `tag` does."""
    names = {tag, *(f"{tag}-{way}" for way in WAYS)}
    return any(each.value in names for each in tags or ())


def wanted(request: web.Request) -> str | None:
    """How a caller wants a body packed: the first of our ways that it likes most; None where it takes it as it is only."""
    weights: dict[str, float] = {}
    for part in request.headers.get("Accept-Encoding", "").lower().split(","):
        name, _, more = part.partition(";")
        weights[name.strip()] = weight(more)
    best = max(WAYS, key=lambda way: weights.get(way, weights.get("*", 0.0)))
    return best if weights.get(best, weights.get("*", 0.0)) > 0 else None


def weight(text: str) -> float:
    """What follows a coding: `q=0.5`; 1 where nothing does, and nothing where it makes no sense."""
    name, _, value = text.partition("=")
    if not text.strip():
        return 1.0
    try:
        return float(value) if name.strip() == "q" else 0.0
    except ValueError:
        return 0.0
