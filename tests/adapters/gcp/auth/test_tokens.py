"""Tokens of a federation whose token service is on loopback: one renewal for all calls, also when it fails or hangs."""

import asyncio
import json
from dataclasses import replace

import pytest

from adapters.gcp.auth.token_refusals import NoToken
from adapters.gcp.auth.tokens import Tokens
from adapters.ports.errors import PermissionDenied, Throttled, Unreachable
from adapters.runtime.clock import SystemClock
from tests.foreign.google import token_services
from tests.foreign.google.authority import Authority
from tests.foreign.google.credential_kinds import Wallet
from tests.patience import PATIENCE_SECONDS


class Federation:
    """The services, and the credentials file that names them with plain HTTP."""

    def __init__(self, folder, services, plain):
        self.services, self.wallet, self._made = services, Wallet(folder, "", plain), []
        self.token_url = f"http://127.0.0.1:{plain}/v1/token"
        self.environment = self.wallet.variables("federation by file")
        self.write()

    def write(self, **changes):
        self.wallet.write(json.dumps(self.wallet.content("federation by file") | {"token_url": self.token_url} | changes))

    def tokens(self, patience=30.0, **more):
        self._made.append(Tokens(SystemClock(), patience, self.environment, **more))
        return self._made[-1]

    def close(self):
        for tokens in self._made:
            tokens.close()


@pytest.fixture
async def federation(tmp_path):
    services = token_services.TokenServices(token_services.Tokens())
    _, plain = await services.start(*Authority(tmp_path).issue("sts.googleapis.com"))
    made = Federation(tmp_path, services, plain)
    yield made
    made.close()
    await services.stop()


def due(tokens, seconds=60.0):
    """Make the token due for renewal now, with an end after `seconds`."""
    now = asyncio.get_running_loop().time()
    tokens._token = replace(tokens._token, due=now, last=now + seconds)


async def test_concurrent_calls_share_one_renewal(federation):
    tokens = federation.tokens()
    headers = set(await asyncio.gather(*(tokens.headers() for _ in range(20))))

    assert len(headers) == 1
    assert headers == {await tokens.headers()}
    assert federation.services.asked == {"sts": 1}


async def test_a_valid_token_is_used_while_its_renewal_hangs(federation):
    tokens = federation.tokens(patience=0.1)
    federation.services.trouble["sts"] = None
    first = await asyncio.wait_for(settled(tokens), PATIENCE_SECONDS)
    federation.services.trouble["sts"] = "hang"
    due(tokens)

    assert await tokens.headers() == first
    assert await tokens.headers() == first


async def settled(tokens):
    """Return a token, after as many timeouts of the wait as needed."""
    while True:
        try:
            return await tokens.headers()
        except NoToken:
            await asyncio.sleep(0.05)


async def test_a_valid_token_is_used_after_its_renewal_failed(federation):
    tokens = federation.tokens()
    first = await tokens.headers()
    federation.services.trouble["sts"] = (503, "")
    due(tokens)
    await tokens.headers()
    with pytest.raises(NoToken, match="answers with status 503"):
        await tokens._renewed_token()

    assert await tokens.headers() == first


async def test_after_a_failed_renewal_there_is_a_pause(federation):
    tokens = federation.tokens()
    federation.services.trouble["sts"] = (400, {"error": "invalid_target"})
    for _ in range(5):
        with pytest.raises(NoToken, match="invalid_target") as raised:
            await tokens.headers()

    assert raised.value.kind is PermissionDenied
    assert federation.services.asked == {"sts": 1}


async def test_a_stuck_renewal_is_abandoned(federation):
    tokens = federation.tokens(give_up=0.5)
    federation.services.trouble["sts"] = "hang"
    with pytest.raises(NoToken, match=r"returned no token within 0\.5 s") as raised:
        await tokens.headers()
    federation.services.trouble.clear()

    assert raised.value.kind is Unreachable
    tokens._failed = None
    assert (await settled(tokens))[0][0] == "authorization"


async def test_a_rejected_token_makes_the_credentials_be_read_again_at_most_every_30_s(federation):
    tokens = federation.tokens()
    first = await tokens.headers()
    federation.write(quota_project_id="other-project")
    tokens.refused(first)
    second = await tokens.headers()
    tokens.refused(second)
    third = await tokens.headers()

    assert dict(second)["x-goog-user-project"] == "other-project"
    assert second[0] != first[0]
    assert third == second


async def test_the_rejection_of_another_token_changes_nothing(federation):
    tokens = federation.tokens()
    first = await tokens.headers()
    tokens.refused((("authorization", "Bearer another"),))

    assert await tokens.headers() == first


async def test_retry_after_of_a_token_service_is_respected(federation):
    tokens = federation.tokens()
    federation.services.trouble["sts"] = (429, "")
    with pytest.raises(NoToken) as raised:
        await tokens.headers()

    assert raised.value.kind is Throttled
    assert tokens._failed[0] - asyncio.get_running_loop().time() > 10
    assert isinstance(raised.value.about("Cloud Run service chat"), Throttled)


async def test_the_date_of_a_token_services_response_is_stored(federation):
    tokens = federation.tokens()
    assert tokens.dated is None
    await tokens.headers()

    assert tokens.dated.date.endswith("GMT")


async def test_closing_does_not_wait_for_a_renewal(federation):
    tokens = federation.tokens()
    federation.services.trouble["sts"] = "hang"
    waiting = asyncio.create_task(tokens.headers())
    await federation.services.met.wait()
    tokens.close()

    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_service_account_is_impersonated_with_the_tokens_of_the_credentials(federation, monkeypatch):
    plain = federation.token_url.removesuffix("/v1/token")
    monkeypatch.setattr("google.auth.iam._IAM_ENDPOINT", f"{plain}/v1/projects/-/serviceAccounts/{{}}:generateAccessToken")
    tokens = federation.tokens(impersonate=token_services.ACCOUNT)
    await tokens.headers()
    due(tokens)
    await asyncio.wait_for(tokens._start_renewal(), PATIENCE_SECONDS)

    assert federation.services.asked == {"sts": 1, "iamcredentials": 2}, "each renewal needs one request; its own token is valid"
    federation.services.trouble["iamcredentials"] = 403, {"error": {"status": "PERMISSION_DENIED"}}
    with pytest.raises(NoToken, match=f"refuses to impersonate {token_services.ACCOUNT} .*roles/iam.serviceAccountTokenCreator"):
        await federation.tokens(impersonate=token_services.ACCOUNT).headers()
