"""A setting of AWS's client that is wrong is named, with what it should be, and not reported as trouble of the network.

Each case is a call of its own, with files and variables of its own; all of them are made in one process apart from this one.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[3]
CONFIG = """
[profile half]
aws_access_key_id = AKIAHUSHHUSHHUSH
[profile keys]
aws_access_key_id = AKIAHUSHHUSHHUSH
aws_secret_access_key = hush-hush
[profile lost-source]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = nobody
[profile odd-source]
role_arn = arn:aws:iam::123456789012:role/x
credential_source = Moon
[profile no-source]
role_arn = arn:aws:iam::123456789012:role/x
[profile circle]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = circle-too
[profile circle-too]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = circle
[profile device]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = keys
mfa_serial = arn:aws:iam::123456789012:mfa/me
[profile no-program]
credential_process = /nonexistent/program --password hush-hush
[profile failing-program]
credential_process = sh -c 'echo hush-hush >&2; exit 3'
[profile odd-program]
credential_process = sh -c 'echo hush-hush'
[profile token-file]
role_arn = arn:aws:iam::123456789012:role/x
web_identity_token_file = /nonexistent/token
[profile sign-in]
sso_session = acme
sso_account_id = 123456789012
sso_role_name = stoker
[sso-session acme]
sso_region = us-east-1
sso_start_url = https://acme.example/start
[profile bad-endpoint]
aws_access_key_id = AKIAHUSHHUSHHUSH
aws_secret_access_key = hush-hush
endpoint_url = localhost:4566
[profile bad-region]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = keys
sts_regional_endpoints = everywhere
"""
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAHUSHHUSHHUSH", "AWS_SECRET_ACCESS_KEY": "hush-hush"}
CONTAINER, TOKEN = "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
METADATA = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
IDENTITY = {"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/x", "AWS_WEB_IDENTITY_TOKEN_FILE": "/nonexistent/token"}
LOOPBACK = "http://127.0.0.1:9/keys"

WRONG = {
    "a container endpoint on a host that is not asked": ({CONTAINER: "http://10.0.0.1/keys"}, [CONTAINER, "loopback"]),
    "a container endpoint without a scheme": ({CONTAINER: "localhost:9/keys"}, [CONTAINER]),
    "a container token file that is not there": ({CONTAINER: LOOPBACK, TOKEN: "/nonexistent/token"},
                                                 [TOKEN, "/nonexistent/token"]),
    "a container token with a line break": ({CONTAINER: LOOPBACK, TOKEN: "{folder}/lines"}, [TOKEN, "line break"]),
    "a web identity token file that is not there": (IDENTITY, ["AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent/token"]),
    "a web identity token without a role": ({"AWS_WEB_IDENTITY_TOKEN_FILE": "{folder}/lines"}, ["AWS_ROLE_ARN"]),
    "a role without a web identity token": ({"AWS_ROLE_ARN": "x"}, ["AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"]),
    "a token file of a profile": ({"AWS_PROFILE": "token-file"}, ["/nonexistent/token", "the AWS config"]),
    "a config file that is not there": ({"AWS_CONFIG_FILE": "/nonexistent/config"}, ["AWS_CONFIG_FILE", "/nonexistent/config"]),
    "a config file that is a folder": ({"AWS_CONFIG_FILE": "{folder}"}, ["AWS_CONFIG_FILE", "{folder}"]),
    "a config file that cannot be parsed": ({"AWS_CONFIG_FILE": "{folder}/broken"}, ["{folder}/broken:1", "parsed"]),
    "a credentials file that cannot be parsed": ({"AWS_SHARED_CREDENTIALS_FILE": "{folder}/broken"}, ["{folder}/broken:1"]),
    "a config file that is not text": ({"AWS_CONFIG_FILE": "{folder}/bytes"}, ["{folder}/bytes", "UnicodeDecodeError"]),
    "a profile that is not there": ({"AWS_PROFILE": "nowhere"}, ["nowhere", "AWS_PROFILE"]),
    "a default profile that is not there": ({"AWS_DEFAULT_PROFILE": "nowhere"}, ["nowhere", "AWS_DEFAULT_PROFILE"]),
    "a profile in a config file that is not there": ({"AWS_PROFILE": "keys", "AWS_CONFIG_FILE": "/nonexistent/config"},
                                                     ["AWS_PROFILE", "AWS_CONFIG_FILE"]),
    "a profile with half of its keys": ({"AWS_PROFILE": "half"}, ["half", "aws_secret_access_key"]),
    "a source profile that is not there": ({"AWS_PROFILE": "lost-source"}, ["nobody", "lost-source"]),
    "a source that does not exist": ({"AWS_PROFILE": "odd-source"}, ["Moon", "odd-source"]),
    "a role without a source": ({"AWS_PROFILE": "no-source"}, ["no-source", "source_profile"]),
    "profiles in a circle": ({"AWS_PROFILE": "circle"}, ["circle"]),
    "a role that asks for a device": ({"AWS_PROFILE": "device"}, ["mfa_serial"]),
    "a program that is not there": ({"AWS_PROFILE": "no-program"}, ["/nonexistent/program"]),
    "a program that fails": ({"AWS_PROFILE": "failing-program"}, ["failing-program", "credential_process"]),
    "a program that writes no JSON": ({"AWS_PROFILE": "odd-program"}, ["credential_process"]),
    "a sign-in that was never made": ({"AWS_PROFILE": "sign-in"}, ["aws sso login --profile sign-in"]),
    "half of the keys": ({"AWS_ACCESS_KEY_ID": "AKIAHUSHHUSHHUSH"}, ["AWS_SECRET_ACCESS_KEY"]),
    "the other half": ({"AWS_SECRET_ACCESS_KEY": "hush-hush"}, ["AWS_ACCESS_KEY_ID"]),
    "keys that have expired": (KEYS | {"AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z"}, ["expired"]),
    "an endpoint without a scheme": (KEYS | {"AWS_ENDPOINT_URL": "localhost:4566"}, ["AWS_ENDPOINT_URL", "http://"]),
    "an endpoint of one service": (KEYS | {"AWS_ENDPOINT_URL_LAMBDA": "localhost:4566", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
                                   ["AWS_ENDPOINT_URL_LAMBDA"]),
    "an endpoint of a profile": ({"AWS_PROFILE": "bad-endpoint"}, ["endpoint_url"]),
    "an endpoint of another scheme": (KEYS | {"AWS_ENDPOINT_URL": "ftp://localhost:4566"}, ["AWS_ENDPOINT_URL", "http://"]),
    "an endpoint with a port that is no number": (KEYS | {"AWS_ENDPOINT_URL": "http://localhost:456x"}, ["AWS_ENDPOINT_URL"]),
    "a proxy that is no URL": (KEYS | {"HTTPS_PROXY": "127.0.0.1:99x"}, ["HTTPS_PROXY"]),
    "a metadata service without a scheme": ({"AWS_EC2_METADATA_DISABLED": "false", METADATA: "169.254.169.254"}, [METADATA]),
    "a time limit that is no number": ({"AWS_METADATA_SERVICE_TIMEOUT": "soon"}, ["AWS_METADATA_SERVICE_TIMEOUT"]),
    "a retry mode that does not exist": (KEYS | {"AWS_DEFAULTS_MODE": "best"}, ["best", "legacy"]),
    "regional endpoints of STS": ({"AWS_PROFILE": "bad-region"}, ["everywhere", "regional"]),
    "no credentials": ({}, ["AWS_PROFILE", "AWS_ACCESS_KEY_ID"]),
}
NETWORK = ("check network", "cannot be reached", "no usable answer", "at the next tick")
CALLS = """
import asyncio, json, os, sys
from adapters.aws.clients import Connections
from adapters.aws.errors import ApiCall
from adapters.ports.errors import AdapterError

WRITE = ApiCall("lambda", "put_provisioned_concurrency_config", "alias agent:live", writes=True)
UNITS = {"FunctionName": "agent", "Qualifier": "live", "ProvisionedConcurrentExecutions": 3}

async def call(variables):
    os.environ.clear()
    os.environ.update(variables)
    connections = Connections("us-east-1")
    try:
        await connections.call(WRITE, UNITS, dict)
    except AdapterError as error:
        return type(error).__name__, str(error)
    finally:
        await connections.close()

print(json.dumps({name: asyncio.run(call(variables)) for name, variables in json.load(sys.stdin).items()}))
"""


def filled(folder, texts):
    return [text.replace("{folder}", str(folder)) for text in texts]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("aws")
    (path / "config").write_text(CONFIG)
    (path / "none").touch()
    (path / "broken").write_text("[default\naws_secret_access_key = hush-hush\n")
    (path / "bytes").write_bytes(b"\xff\xfe[default]\n")
    (path / "lines").write_text("hush-hush\nhush-hush\n")
    return path


@pytest.fixture(scope="module")
def expected(folder):
    """Return class and text of the error of each case."""
    base = {"AWS_CONFIG_FILE": str(folder / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none"), "HOME": str(folder),
            "PATH": "/usr/bin:/bin", "AWS_EC2_METADATA_DISABLED": "true"}
    cases = {name: base | dict(zip(variables, filled(folder, variables.values()), strict=True))
             for name, (variables, _) in WRONG.items()}
    done = subprocess.run([sys.executable, "-c", CALLS], input=json.dumps(cases), capture_output=True, text=True,
                          timeout=PATIENCE_SECONDS, cwd=ROOT, start_new_session=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("case", WRONG)
def test_the_setting_is_named_and_nothing_was_sent(case, folder, expected):
    kind, text = expected[case]

    assert kind == "Misconfigured"
    assert text.startswith("alias agent:live: nothing was sent: ")
    assert [part for part in filled(folder, WRONG[case][1]) if part not in text] == [], text
    assert [part for part in NETWORK if part in text] == [], text
    assert "hush" not in text.lower()
    assert "\n" not in text
