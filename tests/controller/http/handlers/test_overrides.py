"""Orders over real HTTP: who may give them, what is taken, and where they are shown."""

import json
from datetime import timedelta

import pytest

from tests.services import TOKEN, serving

PATH = "/v1/pools/a/overrides"
JSON = {"Content-Type": "application/json"}
PIN = {"kind": "pin", "units": 12, "for": "2h", "reason": "launch", "by": "ana"}


async def test_an_override_is_stored_shown_everywhere_and_ended(tmp_path):
    async with serving(tmp_path) as here:
        status, answer, _ = await here.ask("POST", PATH, TOKEN, json=PIN)
        assert (status, answer["set"]["order"], answer["set"]["until"]) == (200, "pin 12", "2026-03-02T14:00:00+00:00")
        assert answer["overrides"] == [answer["set"]]
        await here.ticks()
        _, listed, _ = await here.ask("GET", PATH)
        _, everything, _ = await here.ask("GET", "/status")
        _, pools, _ = await here.ask("GET", "/v1/pools")
        _, pool, _ = await here.ask("GET", "/v1/pools/a")
        _, decided, _ = await here.ask("GET", "/v1/decisions?pool=a&limit=1")
        async with here.session.get(f"{here.service.url}/metrics") as scraped:
            metrics = await scraped.text()

        assert listed["overrides"] == pool["overrides"] == [answer["set"] | {"effect": "pinned at 12"}]
        assert everything["pools"][0]["overrides"] == pools["pools"][0]["overrides"] == pool["overrides"]
        assert everything["pools"][1]["overrides"] == []
        assert pool["target"] == 12
        assert decided["items"][0]["reasons"][-1] == {
            "code": "pinned", "text": "pin 12 until 2026-03-02 14:00 UTC by ana (launch): 3 -> 12", "before": 3, "after": 12}
        assert 'stoker_pool_overrides{pool="a",mode="active"} 1.0' in metrics

        status, answer, _ = await here.ask("DELETE", PATH, TOKEN)
        assert (status, [each["order"] for each in answer["cleared"]], answer["overrides"]) == (200, ["pin 12"], [])
        await here.ticks()
        assert here.levers["a"].writes == [3, 12, 3]


async def test_clearing_one_kind_keeps_the_others_and_clearing_none_is_no_error(tmp_path):
    async with serving(tmp_path) as here:
        await here.ask("POST", PATH, TOKEN, json=PIN)
        await here.ask("POST", PATH, TOKEN, json={"kind": "pause", "for": "1h", "reason": "r", "by": "b"})
        _, answer, _ = await here.ask("DELETE", f"{PATH}?kind=pause", TOKEN)
        assert [each["kind"] for each in answer["overrides"]] == ["pin"]
        status, answer, _ = await here.ask("DELETE", f"{PATH}?kind=boost", TOKEN)

        assert (status, answer["cleared"]) == (200, [])


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize(("header", "message"), [
    ({}, "missing token"), ({"Authorization": f"Basic {TOKEN}"}, "missing token"), ({"Authorization": "Bearer "},
                                                                                    "missing token"),
    ({"Authorization": "Bearer wrong-horse-battery-staple"}, "wrong token"),
    ({"Authorization": f"Bearer {TOKEN}x"}, "wrong token"), ({"Authorization": f"Bearer {TOKEN[:-1]}"}, "wrong token"),
    ({"Authorization": "Bearer ünïcödé-tökén-of-some-length"}, "wrong token"),
])
async def test_without_the_token_nothing_is_changed(tmp_path, method, header, message):
    async with serving(tmp_path) as here:
        status, answer, headers = await here.ask(method, PATH, headers=header, json=PIN)

        assert (status, headers["WWW-Authenticate"].startswith("Bearer")) == (401, True)
        assert message in answer["error"]
        assert TOKEN not in json.dumps(answer)
        assert (await here.ask("GET", PATH))[1]["overrides"] == []


async def test_a_daemon_without_a_token_refuses_writes(tmp_path):
    async with serving(tmp_path, token=None) as here:
        for method in ("POST", "DELETE"):
            status, answer, _ = await here.ask(method, PATH, TOKEN, json=PIN)
            assert (status, "STOKER_TOKEN" in answer["error"]) == (403, True)
        assert (await here.ask("GET", PATH))[0] == 200


@pytest.mark.parametrize(("body", "message"), [
    (b"", "invalid JSON"), (b"{", "invalid JSON"), (b"[1]", "object"), (b"\xff\xfe", "invalid JSON"), (b"[" * 20_000,
                                                                                                       "invalid JSON"),
    (b'{"kind": "pin", "units": ' + b"9" * 5000 + b"}", "invalid JSON"), (json.dumps(PIN | {"units": -1}).encode(), "units"),
    (json.dumps(PIN | {"for": "8d"}).encode(), "at most 7d"), (json.dumps(PIN | {"surprise\r\n": 1}).encode(), "unknown key"),
    (json.dumps(PIN | {"for": "\r\nx"}).encode(), "for"),
])
async def test_an_invalid_override_is_refused_with_its_cause(tmp_path, body, message):
    async with serving(tmp_path) as here:
        status, answer, _ = await here.ask("POST", PATH, TOKEN, data=body, headers=JSON)

        assert status == 400
        assert message in answer["error"]


async def test_a_body_with_a_wrong_content_encoding_is_refused(tmp_path):
    async with serving(tmp_path) as here:
        packed = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        status, answer, _ = await here.ask("POST", PATH, TOKEN, data=b"no gzip", headers=packed, skip_auto_headers=("Accept",))

        assert (status, "Content-Encoding" in answer["error"]) == (400, True)


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "application/jsonp", ";"])
async def test_a_body_with_another_content_type_is_refused(tmp_path, kind):
    async with serving(tmp_path) as here:
        status, answer, _ = await here.ask("POST", PATH, TOKEN, data=json.dumps(PIN), headers={"Content-Type": kind})

        assert (status, "Content-Type: application/json" in answer["error"]) == (415, True)
        assert (await here.ask("GET", PATH))[1]["overrides"] == []


async def test_a_body_that_is_too_large_is_refused(tmp_path):
    async with serving(tmp_path) as here:
        status, answer, _ = await here.ask("POST", PATH, TOKEN, data=b" " * (65 << 10), headers=JSON)

        assert (status, "64 KiB" in answer["error"]) == (413, True)


async def test_unknown_pools_kinds_and_parameters_are_refused(tmp_path):
    async with serving(tmp_path) as here:
        assert (await here.ask("POST", "/v1/pools/nobody/overrides", TOKEN, json=PIN))[0] == 404
        assert (await here.ask("GET", "/v1/pools/nobody/overrides"))[0] == 404
        assert (await here.ask("DELETE", f"{PATH}?kind=stop", TOKEN))[0] == 400
        assert (await here.ask("DELETE", f"{PATH}?which=pin", TOKEN))[0] == 400


async def test_the_token_appears_nowhere(tmp_path):
    async with serving(tmp_path) as here:
        await here.ask("POST", PATH, TOKEN, json=PIN | {"reason": f"my token: {TOKEN}"})
        await here.ticks()
        shown = [json.dumps((await here.ask("GET", path))[1]) for path in (PATH, "/status", "/v1/pools/a", "/v1/decisions")]

        assert all("pin 12" in each for each in shown)
        assert not any(TOKEN in each for each in shown)
        assert TOKEN.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


async def test_an_ended_override_is_not_shown_before_the_next_tick(tmp_path):
    async with serving(tmp_path) as here:
        await here.ask("POST", PATH, TOKEN, json=PIN | {"for": "30s"})
        await here.clock.advance(timedelta(seconds=31))

        assert (await here.ask("GET", PATH))[1]["overrides"] == []
        assert (await here.ask("GET", "/v1/pools/a"))[1]["overrides"] == []
