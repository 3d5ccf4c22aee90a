"""Messages of a notice in the format of each kind of sink. Pure."""

import base64
import binascii
import contextlib
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from config.model.notify import Sink
from controller.notifications.notice import Notice

TYPE = "io.stoker.notice."
STANDARD_PREFIX = "whsec_"
SLACK_TEXT = 2800
"""Maximum length of the text; Slack accepts 3,000 characters in a block."""

ENDED = frozenset({"store-recovered", "write-recovered", "metrics-back", "capacity-known", "foreign-write-over",
                   "other-autoscaler-gone", "quota-eased", "budget-eased", "override-ended", "orphan-gone", "fault-over"})
NEUTRAL = frozenset({"started", "stopping", "leader-changed", "override-set", "policy-reloaded", "weekly-report",
                     "test"})


class Message(NamedTuple):
    """Body and headers of a POST request."""

    body: bytes
    headers: Mapping[str, str]


def message(sink: Sink, notice: Notice, source: str, secret: str | None, timestamp: int) -> Message:
    """Return the message for a sink. With a secret it is signed at `timestamp` (seconds since the epoch)."""
    formats = {"webhook": own, "cloudevents": cloud_event, "slack": slack}
    content_types = {"cloudevents": "application/cloudevents+json; charset=utf-8"}
    body = json.dumps(formats[sink.kind](notice, source), separators=(",", ":"), ensure_ascii=False).encode()
    headers = {"Content-Type": content_types.get(sink.kind, "application/json; charset=utf-8"), "Idempotency-Key": notice.id}
    if secret is not None:
        headers["Stoker-Signature"] = f"t={timestamp},v1={signature(secret, timestamp, body)}"
        headers |= standard_webhook(secret, notice.id, timestamp, body)
    return Message(body, headers)


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Return the HMAC-SHA256 of timestamp, a dot and body in hexadecimal. The timestamp lets a receiver refuse replays."""
    return hmac.new(secret.encode(), str(timestamp).encode() + b"." + body, hashlib.sha256).hexdigest()


def standard_webhook(secret: str, notice_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers of Standard Webhooks 1.0: HMAC-SHA256 over id, timestamp and body with dots between, in base64.

    Source: https://github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md, "Signature scheme".
    """
    signed = hmac.new(standard_key(secret), f"{notice_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    versioned = f"v1,{base64.b64encode(signed).decode()}"
    return {"webhook-id": notice_id, "webhook-timestamp": str(timestamp), "webhook-signature": versioned}


def standard_key(secret: str) -> bytes:
    """Return the key of a secret: the decoded bytes of `whsec_` and base64; the bytes of the text of any other secret."""
    if secret.startswith(STANDARD_PREFIX):
        encoded = secret.removeprefix(STANDARD_PREFIX).rstrip("=")
        with contextlib.suppress(binascii.Error):
            return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    return secret.encode()


def own(notice: Notice, source: str) -> dict[str, Any]:
    """Return the body of kind `webhook`."""
    return {"id": notice.id, "source": source, "at": notice.at.isoformat(), "reason": notice.code, "mode": notice.mode,
            "pools": list(notice.pools), "pools_total": notice.count, "text": notice.text}


def cloud_event(notice: Notice, source: str) -> dict[str, Any]:
    """Return the body of kind `cloudevents`: CloudEvents 1.0 in structured mode."""
    event: dict[str, Any] = {
        "specversion": "1.0", "id": notice.id, "source": source, "type": TYPE + notice.code, "time": notice.at.isoformat(),
        "datacontenttype": "application/json",
        "data": {key: value for key, value in own(notice, source).items() if key not in ("id", "source", "at")},
    }
    if len(notice.pools) == notice.count == 1:
        event["subject"] = notice.pools[0]
    return event


def slack(notice: Notice, source: str) -> dict[str, Any]:
    """Return the body of kind `slack`: blocks, and the text that Slack shows in its notifications."""
    mark = ":white_check_mark:" if notice.code in ENDED else ":information_source:" if notice.code in NEUTRAL else ":warning:"
    text = escaped(notice.text)
    text = text if len(text) <= SLACK_TEXT else f"{text[:SLACK_TEXT]}..."
    facts = [f"`{notice.code}`", escaped(source), f"{notice.at:%Y-%m-%d %H:%M:%S} UTC"]
    if notice.mode == "shadow":
        facts.insert(1, "*shadow*")
    return {"text": f"{mark} {text}", "blocks": [
        {"type": "section", "text": {"type": "mrkdwn", "text": f"{mark} {text}"}},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": " | ".join(facts)}]},
    ]}


def escaped(text: str) -> str:
    """Return `text` with the characters escaped that start mentions and links in Slack."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
