"""Trust policies of the roles that pools name: who may assume them, and with which external ID."""

from typing import Any

from config.model.credentials import Credentials

PLACEHOLDER = "arn:aws:iam::DAEMON_ACCOUNT_ID:role/DAEMON_ROLE"
"""In place of the daemon's identity while it is not given. IAM refuses it, so that it cannot be applied by mistake."""


def trust_document(credentials: Credentials, daemon: str | None) -> dict[str, Any]:
    """Return the trust policy of the role in `credentials`, for the daemon's own identity `daemon`: an ARN of a role or user."""
    statement: dict[str, Any] = {"Sid": "AssumedByStoker", "Effect": "Allow", "Principal": {"AWS": daemon or PLACEHOLDER},
                                 "Action": "sts:AssumeRole"}
    if credentials.external_id is not None:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": credentials.external_id}}
    return {"Version": "2012-10-17", "Statement": [statement]}
