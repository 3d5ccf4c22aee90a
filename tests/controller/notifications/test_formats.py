import json
import re
from datetime import datetime
from pathlib import Path

import pytest

from config.model.notify import NOTICE_CODES, Sink
from controller.notifications.formats import ENDED, NEUTRAL, message, standard_key, standard_webhook
from controller.notifications.notice import notice_of
from controller.notifications.sending_rules import Change
from tests.builders import NOON

PAGE = Path(__file__).parents[3] / "docs" / "notifications.md"
SINKS = {kind: Sink(name="s", kind=kind, url_env="X") for kind in ("webhook", "cloudevents", "slack")}


def posted(kind, text="requesting 5 failed", mode="active", pools=("chat",)):
    changes = [Change(pool, "write-failed", text) for pool in pools]
    return message(SINKS[kind], notice_of("write-failed", mode, changes, NOON, "/stoker/h"), "/stoker/h", None, 1)


def test_a_cloud_event_has_the_required_attributes():
    what = posted("cloudevents")
    event = json.loads(what.body)

    assert what.headers["Content-Type"].startswith("application/cloudevents+json")
    assert {"specversion": "1.0", "source": "/stoker/h", "type": "io.stoker.notice.write-failed", "subject": "chat"}.items() \
        <= event.items()
    assert event["id"] == what.headers["Idempotency-Key"]
    assert datetime.fromisoformat(event["time"]) == NOON
    assert all(re.fullmatch("[a-z0-9]{1,20}", name) for name in event)
    assert event["data"] == {"reason": "write-failed", "mode": "active", "pools": ["chat"], "pools_total": 1,
                             "text": "chat (active): requesting 5 failed"}
    assert "subject" not in json.loads(posted("cloudevents", pools=("a", "b")).body)


def test_mentions_and_links_are_escaped_for_slack():
    body = json.loads(posted("slack", "<!channel> & <https://evil|click>").body)

    for text in (body["text"], body["blocks"][0]["text"]["text"]):
        assert "&lt;!channel&gt; &amp; &lt;https://evil|click&gt;" in text
    assert body["blocks"][0]["type"] == "section"


def test_long_texts_are_cut_for_slack():
    assert len(json.loads(posted("slack", "&" * 5000).body)["blocks"][0]["text"]["text"]) <= 3000


@pytest.mark.parametrize("kind", SINKS)
def test_shadow_is_marked(kind):
    assert b"(shadow: simulated, nothing was written)" in posted(kind, mode="shadow").body
    assert b"shadow" not in posted(kind).body


def test_the_documented_check_accepts_the_signature():
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


def test_the_headers_equal_the_example_of_standard_webhooks():
    """Test vector of the Standard Webhooks libraries."""
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'

    assert standard_webhook(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}


@pytest.mark.parametrize(("secret", "key"), [
    ("hunter2", b"hunter2"), ("whsec_aGVsbG8=", b"hello"), ("whsec_aGVsbG8", b"hello"), ("whsec_no base64!", b"whsec_no base64!"),
    ("aGVsbG8=", b"aGVsbG8="),
])
def test_the_key_of_a_secret(secret, key):
    assert standard_key(secret) == key


def test_without_a_secret_there_is_no_signature():
    assert set(posted("webhook").headers) == {"Content-Type", "Idempotency-Key"}


def test_every_marked_code_exists():
    assert set(NOTICE_CODES) >= ENDED | NEUTRAL
