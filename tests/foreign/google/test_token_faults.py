"""Token services that refuse, hang, lie or cannot be reached: what is said, that nothing was sent, and that nobody waits."""

import asyncio
import signal
from datetime import timedelta

import pytest

from tests.fakes import Ahead
from tests.foreign.google.caller import calling
from tests.foreign.google.credential_kinds import USER
from tests.foreign.google.token_services import ACCOUNT
from tests.patience import PATIENCE_SECONDS

REFUSED = (400, {"error": "invalid_grant", "error_description": "secret-text"})
FORBIDDEN = (403, {"error": {"status": "PERMISSION_DENIED", "message": "secret-text"}})


@pytest.mark.parametrize(("kind", "service", "trouble", "words"), [
    ("authorized user", "oauth2", REFUSED, "the token service oauth2.googleapis.com refuses the credentials file "),
    ("federation by file", "sts", REFUSED, "the token service sts.googleapis.com refuses the credentials file "),
    ("federation by URL", "subject", (403, "secret-text"), "the source of the subject token 127.0.0.1:"),
    ("federation impersonating", "iamcredentials", FORBIDDEN, f"refuses to impersonate {ACCOUNT} (status 403, "),
    ("impersonated", "iamcredentials", FORBIDDEN, "roles/iam.serviceAccountTokenCreator"),
    ("metadata server", "metadata", (404, "secret-text"), "has no credentials for this workload (status 404)"),
    ("authorized user", "oauth2", (500, "secret-text"), "the token service oauth2.googleapis.com answers with status 500"),
    ("authorized user", "oauth2", (200, "<html>secret-text"), "answers with status 200 but without a token"),
])
async def test_a_refused_token_is_one_line_that_names_the_service_and_no_secret(cloud, kind, service, trouble, words):
    cloud.services.trouble[service] = trouble
    code, out, err = await cloud.doctor(cloud.environment(kind))

    assert code == 1
    assert words in out
    assert "nothing was sent to Google" in out
    assert "secret-text" not in out + err
    assert err == ""
    assert cloud.world.calls.reading == {}


@pytest.mark.parametrize(("trouble", "kind", "patience"), [
    (REFUSED, "PermissionDenied", PATIENCE_SECONDS), ((503, ""), "Unreachable", PATIENCE_SECONDS),
    ((429, ""), "Throttled", PATIENCE_SECONDS), ("hang", "Unreachable", 8.0),
])
async def test_a_write_without_a_token_was_not_sent(cloud, trouble, kind, patience):
    cloud.services.trouble["oauth2"] = trouble
    async with calling(cloud.environment("authorized user"), slack=patience) as call:
        told = await call(writes=True)

    assert told[0].startswith(f"{kind}: Cloud Run service chat: the token service oauth2.googleapis.com ")
    assert "nothing was sent to Google" in told[0]
    assert cloud.world.calls.mutating == {}


async def test_a_token_service_that_hangs_is_called_once_by_one_thread(cloud):
    cloud.services.seconds = 0
    async with calling(cloud.environment("federation by file")) as call:
        assert await call() == ["ok"]
        threads = call.threads
        cloud.services.trouble["sts"] = "hang"
        told = await call(times=38)

        assert {line.partition(":")[0] for line in told} == {"Unreachable"}
        assert cloud.services.asked["sts"] == 2, "each of the two renewals asks once"
        assert call.threads == threads


async def test_a_daemon_exits_on_a_signal_while_an_answer_of_its_token_service_never_ends(cloud):
    cloud.services.trouble["sts"] = "drip"
    async with cloud.daemon(cloud.environment("federation by file")) as daemon:
        await daemon.until(lambda: cloud.services.asked["sts"])
        code = await daemon.end(signal.SIGTERM)

    assert code == 0


async def test_a_refused_token_is_logged_in_one_line_without_a_traceback(cloud):
    cloud.services.trouble["oauth2"] = REFUSED
    async with cloud.daemon(cloud.environment("authorized user")) as daemon:
        await daemon.until(lambda: any("nothing was sent" in str(line) for line in daemon.lines))
        await daemon.end(signal.SIGTERM)

    assert "secret-text" not in str(daemon.lines)
    assert "Traceback" not in str(daemon.lines)
    assert [line for line in daemon.lines if not line.get("logger", "").startswith("stoker")] == []


async def test_a_rotated_file_is_read_when_the_token_service_refuses(cloud):
    environment = cloud.environment("authorized user")
    cloud.services.refresh_token = "1//rotated"
    async with calling(environment) as call:
        refused = await call()
        cloud.wallet.write(USER | {"refresh_token": "1//rotated"})
        told = refused
        while told[0] == refused[0]:
            await asyncio.sleep(0.2)
            told = await call()

    assert "invalid_grant" in refused[0]
    assert told == ["ok"]


async def test_a_rotated_file_is_read_when_google_refuses_the_token(cloud):
    async with calling(cloud.environment("authorized user")) as call:
        assert await call() == ["ok"]
        cloud.tokens.ends.clear()
        cloud.services.refresh_token = "1//rotated"
        cloud.wallet.write(USER | {"refresh_token": "1//rotated"})
        refused, again = await call(), await call()

    assert refused[0].startswith("PermissionDenied: ")
    assert again == ["ok"]


async def test_a_wrong_clock_is_named_with_the_refusal_and_by_doctor(cloud):
    cloud.tokens.ahead = timedelta(minutes=15)
    cloud.grpc._wire = Ahead(timedelta(minutes=15))
    code, out, _ = await cloud.doctor(cloud.environment("service account"))

    assert code == 1
    assert "this machine's clock is 900 s behind the provider's" in out.replace("899 s", "900 s").replace("901 s", "900 s")
    assert any(line.split()[:2] == ["fail", "clock"] for line in out.splitlines())


async def test_a_wrong_clock_is_named_when_a_token_service_refuses(cloud):
    cloud.tokens.ahead = timedelta(minutes=15)
    cloud.services.trouble["oauth2"] = REFUSED
    code, out, _ = await cloud.doctor(cloud.environment("authorized user"))

    assert code == 1
    assert any(line.split()[:2] == ["fail", "clock"] for line in out.splitlines())


@pytest.mark.parametrize(("content", "words"), [
    (None, "does not exist"),
    ("", "is empty"),
    ('{"type": ', "is not valid JSON (line 1, column 10)"),
    ({"type": "magic"}, "has the unknown type 'magic'"),
    ({"type": "service_account", "client_email": "a@b"}, "is of type service_account and lacks private_key, token_uri"),
])
async def test_an_invalid_credentials_file_is_named_with_the_fault(cloud, content, words):
    path = cloud.folder / "given.json"
    if content is not None:
        cloud.wallet.write(content, "given.json")
    code, out, err = await cloud.doctor(cloud.environment(GOOGLE_APPLICATION_CREDENTIALS=str(path)))

    assert code == 1
    assert f"the credentials file {path} (GOOGLE_APPLICATION_CREDENTIALS) {words}" in out
    assert err == ""


async def test_a_disallowed_executable_is_reported_with_the_variable(cloud):
    environment = cloud.environment("federation by executable", GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=None)
    code, out, _ = await cloud.doctor(environment)

    assert code == 1
    assert "set GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1" in out


async def test_a_token_service_with_an_unknown_authority_is_reported_with_the_variable(cloud):
    code, out, _ = await cloud.doctor(cloud.environment("authorized user", REQUESTS_CA_BUNDLE=None))

    assert code == 1
    assert "set REQUESTS_CA_BUNDLE to its CA file" in out
