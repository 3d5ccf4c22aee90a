import json
import re
from datetime import datetime
from pathlib import Path

import pytest

from config.model.notify import NOTICE_CODES, Sink
from controller.notifications.formats import ENDED, NEUTRAL, message, standard_key, standard_webhook
from controller.notifications.notice import Change, notice_of
from tests.builders import NOON

PAGE = Path(__file__).parents[3] / "docs" / "notifications.md"
SINKS = {kind: Sink(name="s", kind=kind, url_env="X") for kind in ("webhook", "cloudevents", "slack")}


def posted(kind, text="asking for 5 failed", mode="active", pools=("chat",)):
    changes = [Change(pool, "write-failed", text) for pool in pools]
    return message(SINKS[kind], notice_of("write-failed", mode, changes, NOON, "/stoker/h"), "/stoker/h", None, 1)


def test_a_cloud_event_has_what_the_specification_demands():
    what = posted("cloudevents")
    event = json.loads(what.body)

    assert what.headers["Content-Type"].startswith("application/cloudevents+json")
    assert {"specversion": "1.0", "source": "/stoker/h", "type": "io.stoker.notice.write-failed", "subject": "chat"}.items() \
        <= event.items()
    assert event["id"] == what.headers["Idempotency-Key"]
    assert datetime.fromisoformat(event["time"]) == NOON
    assert all(re.fullmatch("[a-z0-9]{1,20}", name) for name in event)
    assert event["data"] == {"reason": "write-failed", "mode": "active", "pools": ["chat"], "pools_total": 1,
                             "text": "chat: asking for 5 failed"}
    assert "subject" not in json.loads(posted("cloudevents", pools=("a", "b")).body)


def test_slack_is_given_no_mention_and_no_link_of_somebody_elses():
    body = json.loads(posted("slack", "<!channel> & <https://evil|click>").body)

    for text in (body["text"], body["blocks"][0]["text"]["text"]):
        assert "&lt;!channel&gt; &amp; &lt;https://evil|click&gt;" in text
    assert body["blocks"][0]["type"] == "section"


def test_slack_takes_no_text_that_is_longer_than_it_allows():
    assert len(json.loads(posted("slack", "&" * 5000).body)["blocks"][0]["text"]["text"]) <= 3000


@pytest.mark.parametrize("kind", SINKS)
def test_shadow_says_so(kind):
    assert b"in shadow" in posted(kind, mode="shadow").body
    assert b"shadow" not in posted(kind).body


def test_a_receiver_checks_the_signature_as_the_documentation_says():
    scope: dict = {}
    exec(re.search(r"```python\n(import hashlib.*?)```", PAGE.read_text(), re.DOTALL)[1], scope)  # noqa: S102
    notice = notice_of("fault", None, [Change("a", "fault", "é")], NOON, "s")
    what = message(SINKS["webhook"], notice, "s", "hunter2", 1_700_000_000)

    header = what.headers["Stoker-Signature"]
    assert header.startswith("t=1700000000,v1=")
    assert scope["genuine"]("hunter2", header, what.body)
    assert not scope["genuine"]("hunter3", header, what.body)
    assert not scope["genuine"]("hunter2", header.replace("t=17", "t=18"), what.body)
    assert not scope["genuine"]("hunter2", header, what.body + b" ")


def test_the_headers_of_standard_webhooks_are_those_of_its_example():
    """The vector of the Standard Webhooks libraries."""
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'

    assert standard_webhook(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}


@pytest.mark.parametrize(("secret", "key"), [
    ("hunter2", b"hunter2"), ("whsec_aGVsbG8=", b"hello"), ("whsec_aGVsbG8", b"hello"), ("whsec_no base64!", b"whsec_no base64!"),
    ("aGVsbG8=", b"aGVsbG8="),
])
def test_the_key_is_what_the_secret_stands_for(secret, key):
    assert standard_key(secret) == key


def test_nothing_is_signed_without_a_secret():
    assert set(posted("webhook").headers) == {"Content-Type", "Idempotency-Key"}


def test_every_mark_is_of_a_code():
    assert set(NOTICE_CODES) >= ENDED | NEUTRAL
