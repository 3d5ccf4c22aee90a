"""Notices as receivers read them that this project did not write: CloudEvents' SDK, and two libraries that check signatures."""

import base64
import json

import pytest
from aiohttp import web

from tests.e2e.daemons import stoker
from tests.foreign.servers import foreign_python, need
from tests.web_servers import served

SECRETS = {"plain": "correct horse battery staple", "standard": f"whsec_{base64.b64encode(b'24 bytes of a secret key').decode()}"}
POLICY = """version: 1
pools:
  - {{name: agent, max: 5, lever: {{kind: lambda-provisioned-concurrency, region: us-east-1, function: agent, alias: live}}}}
notify:
  - {{name: receiver, kind: {kind}, url: "{url}", secret_env: SECRET}}
"""


async def sent(tmp_path, kind, secret):
    """What `stoker notify-test` posts: headers and body."""
    posted = []

    async def take(request):
        posted.append({"headers": dict(request.headers), "body": (await request.read()).decode()})
        return web.Response()

    async with served(take) as url:
        policy = tmp_path / "policy.yaml"
        policy.write_text(POLICY.format(kind=kind, url=f"{url}/in"))
        code, out, err = await stoker("notify-test", "--policy", str(policy), environment={"SECRET": secret})
    assert (code, out) == (0, "receiver: delivered\n"), err
    (message,) = posted
    return message


def read_by(code, message, *arguments):
    """What foreign `code` prints as JSON of a `message` of headers and body."""
    begin = "import json, sys\nmessage = json.load(sys.stdin)\nheaders, body = message['headers'], message['body'].encode()\n"
    return json.loads(foreign_python(begin + code, *arguments, stdin=json.dumps(message)))


SDK_V1 = """
from cloudevents.v1.http import from_http
event = from_http(headers, body)
print(json.dumps({"id": event["id"], "type": event["type"], "source": event["source"],
                  "time": event["time"], "data": event.data}))
"""
SDK_V2 = """
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
event = from_http_event(HTTPMessage(headers, body))
print(json.dumps({"id": event.get_id(), "type": event.get_type(), "source": event.get_source(),
                  "time": event.get_time().isoformat(), "data": event.get_data()}))
"""


@pytest.mark.parametrize("sdk", [SDK_V1, SDK_V2], ids=["v1", "v2"])
async def test_the_sdk_of_cloudevents_reads_a_notice(tmp_path, sdk):
    need("cloudevents")
    message = await sent(tmp_path, "cloudevents", SECRETS["plain"])
    event = read_by(sdk, message)

    assert event["type"] == "io.stoker.notice.test"
    assert event["id"] == message["headers"]["Idempotency-Key"]
    assert event["source"].startswith("/stoker/")
    assert event["data"]["reason"] == "test"
    assert event["time"] == json.loads(message["body"])["time"]


STRIPE = """
import stripe
def genuine(secret, header, body):
    try:
        return stripe.WebhookSignature.verify_header(body.decode(), header, secret, tolerance=300)
    except stripe.SignatureVerificationError:
        return False
header = headers["Stoker-Signature"]
print(json.dumps([[genuine(secret, header, body), genuine(secret, header, body + b" "),
                   genuine(secret, header.replace("t=", "t=1"), body)] for secret in sys.argv[1:]]))
"""
STANDARD = """
from standardwebhooks import Webhook, WebhookVerificationError
def genuine(secret, changed, body):
    try:
        return Webhook(eval(secret)).verify(body, {**headers, **changed})["reason"] == "test"
    except WebhookVerificationError:
        return False
print(json.dumps([[genuine(secret, {}, body), genuine(secret, {}, body + b" "),
                   genuine(secret, {"webhook-id": "another"}, body)] for secret in sys.argv[1:]]))
"""


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS.keys())
async def test_the_verifier_of_stripe_accepts_the_signature_of_stoker_and_no_other(tmp_path, secret):
    need("stripe")
    message = await sent(tmp_path, "webhook", secret)

    assert read_by(STRIPE, message, secret, f"{secret}!") == [[True, False, False], [False, False, False]]


@pytest.mark.parametrize(("secret", "given"), [
    (SECRETS["plain"], repr(SECRETS["plain"].encode())),
    (SECRETS["standard"], repr(SECRETS["standard"])),
], ids=SECRETS.keys())
async def test_the_verifier_of_standard_webhooks_accepts_its_headers_and_no_others(tmp_path, secret, given):
    need("standardwebhooks")
    message = await sent(tmp_path, "webhook", secret)

    assert read_by(STANDARD, message, given, repr(b"another secret")) == [[True, False, False], [False, False, False]]
    assert message["headers"]["webhook-id"] == json.loads(message["body"])["id"]
