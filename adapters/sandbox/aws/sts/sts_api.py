"""API operations of STS: the caller's identity and credentials of a role. Trust policies are not emulated."""

import re
import uuid
from datetime import timedelta

from adapters.sandbox.aws.sts.session_keys import SessionKeys
from adapters.sandbox.errors import ApiError
from adapters.sandbox.operations import Operation
from adapters.sandbox.wire import Call, Json, Reply
from adapters.sandbox.world import Sandbox

ROLE = re.compile(r"arn:aws:iam::(?P<account>\d{12}):role/(?:[\w+=,.@/-]*/)?(?P<name>[\w+=,.@-]{1,64})")
SHORTEST, LONGEST, DEFAULT = 900, 43_200, 3600
"""Validity of a role's credentials in seconds: minimum, maximum, default."""


def caller_identity(sandbox: Sandbox, call: Call) -> Reply:
    """Return ARN and account of the caller."""
    session = sandbox.credentials.sessions.get(call.caller)
    account = sandbox.settings.account
    arn = f"arn:aws:iam::{account}:user/stoker" if session is None else session.arn
    return Reply({"Arn": arn, "UserId": "AIDASTOKERSANDBOX", "Account": account})


def assume_role(sandbox: Sandbox, call: Call) -> Reply:
    """Return credentials of a role."""
    return Reply(_issued(sandbox, call))


def assume_role_with_web_identity(sandbox: Sandbox, call: Call) -> Reply:
    """Return credentials of a role for a web identity token. The request is unsigned; of the token only the form is checked."""
    if str(call.body.get("WebIdentityToken", "")).count(".") != 2:
        raise ApiError("InvalidIdentityToken", "The ID Token provided is not a valid JWT.")
    return Reply(_issued(sandbox, call) | {"SubjectFromWebIdentityToken": "system:serviceaccount:default:stoker"})


def _issued(sandbox: Sandbox, call: Call) -> Json:
    """Issue credentials and return them. Only here in the sandbox are timestamps text."""
    role, name = ROLE.fullmatch(str(call.body.get("RoleArn", ""))), str(call.body.get("RoleSessionName", ""))
    seconds = int(call.body.get("DurationSeconds", DEFAULT))
    if role is None or not name or not SHORTEST <= seconds <= LONGEST:
        raise ApiError("ValidationError", "RoleArn, RoleSessionName or DurationSeconds is out of its bounds")
    if role["account"] != sandbox.settings.account:
        raise ApiError("AccessDenied", f"Not authorized to perform sts:{call.operation}", 403)
    arn = f"arn:aws:sts::{role['account']}:assumed-role/{role['name']}/{name}"
    keys = SessionKeys(f"ASIA{uuid.uuid4().hex[:16].upper()}", uuid.uuid4().hex, arn, call.at + timedelta(seconds=seconds))
    sandbox.credentials.sessions[keys.access_key] = keys
    return {
        "Credentials": {
            "AccessKeyId": keys.access_key, "SecretAccessKey": "not-checked", "SessionToken": keys.token,
            "Expiration": keys.expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
        "AssumedRoleUser": {"AssumedRoleId": f"AROASTOKERSANDBOX:{name}", "Arn": arn},
    }


OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation("GetCallerIdentity", caller_identity),
        Operation("AssumeRole", assume_role),
        Operation("AssumeRoleWithWebIdentity", assume_role_with_web_identity),
    )
}
