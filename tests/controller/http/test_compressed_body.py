"""Bodies packed as callers want them, once for all."""

import asyncio
import gzip
import json
import zlib

import pytest

from tests.services import serving

PATHS = ["/status", "/v1/decisions"]
UNPACKED = {"gzip": gzip.decompress, "deflate": zlib.decompress, None: bytes}


async def raw(here, path, accept, tag=None):
    """Status, coding, tag and body as they came over the wire."""
    headers = {"Accept-Encoding": accept} | ({} if tag is None else {"If-None-Match": tag})
    import aiohttp

    async with aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=["Accept-Encoding"]) as session, \
            session.get(here.service.url + path, headers=headers) as answer:
        assert answer.headers["Vary"] == "Accept-Encoding"
        return answer.status, answer.headers.get("Content-Encoding"), answer.headers["ETag"], await answer.read()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("accept", "coding"), [
    ("gzip", "gzip"), ("deflate", "deflate"), ("gzip, deflate, br, zstd", "gzip"), ("gzip;q=0.5, deflate;q=0.9", "deflate"),
    ("", None), ("identity", None), ("br", None), ("gzip;q=0", None), ("*", "gzip"), ("gzip;q=0, *;q=0.1", "deflate"),
    ("GZIP ; q=1.0", "gzip"), ("gzip;q=x", None),
])
async def test_the_body_is_compressed_as_the_client_prefers(tmp_path, path, accept, coding):
    async with serving(tmp_path) as here:
        plain = await raw(here, path, "identity")
        status, got, tag, body = await raw(here, path, accept)

        assert (status, got) == (200, coding)
        assert UNPACKED[coding](body) == plain[3]
        assert (tag == plain[2]) == (coding is None)
        assert json.loads(plain[3])


@pytest.mark.parametrize("path", PATHS)
async def test_a_client_with_one_encoding_gets_304_for_any_other(tmp_path, path):
    async with serving(tmp_path) as here:
        tags = {coding: (await raw(here, path, coding))[2] for coding in ("gzip", "deflate", "identity")}
        assert len(set(tags.values())) == 3
        for tag in tags.values():
            status, _, _, body = await raw(here, path, "gzip", tag)
            assert (status, body) == (304, b"")
        here.source.traffic["a"] = lambda minute: 30
        await here.ticks(3)
        assert (await raw(here, path, "gzip", tags["gzip"]))[0] == 200


@pytest.mark.parametrize("path", PATHS)
async def test_a_body_is_compressed_once_for_any_number_of_requests(tmp_path, path, monkeypatch):
    import controller.http.compressed_body as packed

    counted = []
    with monkeypatch.context() as patched:
        patched.setattr(packed, "ENCODINGS", {way: lambda body: counted.append(body) or gzip.compress(body)
                                         for way in packed.ENCODINGS})
        async with serving(tmp_path) as here:
            found = await asyncio.gather(*(raw(here, path, "gzip") for _ in range(10)))

    assert len(counted) == 1
    assert len({body for *_, body in found}) == 1
