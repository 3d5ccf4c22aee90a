"""Authentication and authorization of callers, with the errors of each AWS protocol."""

from collections import Counter

from adapters.sandbox.aws.sts.iam import allows
from adapters.sandbox.aws.sts.session_keys import SessionKeys
from adapters.sandbox.errors import ApiError
from adapters.sandbox.wire import Call, Json

ACCESS_KEY = "AKIASTOKERSANDBOX001"
# CloudWatch and STS use the error codes of the query protocol, in their newer protocols too.
_QUERY_SERVICES = ("sts", "monitoring")
_UNSIGNED = "AssumeRoleWithWebIdentity"


class Credentials:
    """Access keys and permissions. Keys in `accepted` and `sessions` are valid, those in `expired` are expired, others unknown.
    IAM actions in `denied` (such as `lambda:PutFunctionConcurrency`) are denied to all callers; with an IAM policy document
    `policy`, so is every action that it does not allow. Signatures are not verified: any secret is accepted.
    """

    def __init__(self, *accepted: str) -> None:
        self.accepted = set(accepted or (ACCESS_KEY,))
        self.expired: set[str] = set()
        self.sessions: dict[str, SessionKeys] = {}
        """Temporary credentials from STS by access key; valid with their token until they expire."""
        self.denied: set[str] = set()
        self.policy: Json | None = None
        self.used: Counter[str] = Counter()
        """Number of allowed calls by action."""
        self.refused: Counter[str] = Counter()
        """Number of denied calls by action."""

    @property
    def for_boto3(self) -> dict[str, str]:
        """Keyword arguments of valid credentials for a boto3 client or session."""
        return {"aws_access_key_id": min(self.accepted), "aws_secret_access_key": "not-checked"}

    def check(self, call: Call, account: str) -> None:
        """Raise AWS's error unless the caller is authenticated and authorized for this call."""
        query = call.service in _QUERY_SERVICES
        if call.operation == _UNSIGNED:
            return
        if not call.caller:
            raise ApiError("MissingAuthenticationToken", "Missing Authentication Token", 403)
        session = self.sessions.get(call.caller)
        if call.caller in self.expired or (session is not None and call.at >= session.expires):
            code = "ExpiredToken" if query else "ExpiredTokenException"
            raise ApiError(code, "The security token included in the request is expired", 403)
        known = call.caller in self.accepted if session is None else call.headers.get("X-Amz-Security-Token") == session.token
        if not known:
            code = "InvalidClientTokenId" if query else "UnrecognizedClientException"
            raise ApiError(code, "The security token included in the request is invalid.", 403)
        for action in _actions(call):
            allowed = action not in self.denied and self._allowed(action, call, account)
            (self.used if allowed else self.refused)[action] += 1
            if not allowed:
                raise ApiError(
                    "AccessDenied" if query else "AccessDeniedException",
                    f"User: arn:aws:iam::{account}:user/stoker is not authorized to perform: {action} on resource: * because no "
                    f"identity-based policy allows the {action} action",
                    403,
                )

    def _allowed(self, action: str, call: Call, account: str) -> bool:
        """Return whether the policy document allows the action. AWS always allows GetCallerIdentity."""
        if self.policy is None or action == "sts:GetCallerIdentity":
            return True
        return allows(self.policy, action, _resource(call, account), call.region)


def _resource(call: Call, account: str) -> str:
    """Return the ARN of the resource of a call; `*` without one."""
    if call.service == "dynamodb":
        return f"arn:aws:dynamodb:{call.region}:{account}:table/{_tables(call)[0]}"
    if call.service != "lambda" or not call.function:
        return "*"
    function = f"arn:aws:lambda:{call.region}:{account}:function:{call.function}"
    return f"{function}:{call.query['Qualifier']}" if "Qualifier" in call.query else function


def _actions(call: Call) -> list[str]:
    """Return the IAM actions of a call; those of a transaction are the actions of its steps."""
    prefix = _IAM_PREFIX.get(call.service, call.service)
    if call.operation != "TransactWriteItems":
        return [f"{prefix}:{_IAM_ACTION.get(call.operation, call.operation)}"]
    kinds = {next(iter(step)) for step in call.body.get("TransactItems", [])}
    return sorted(f"{prefix}:{_IN_TRANSACTION.get(kind, kind)}" for kind in kinds)


def _tables(call: Call) -> list[str]:
    steps = [next(iter(step.values())) for step in call.body.get("TransactItems", [])]
    return [str(step.get("TableName", "")) for step in (steps or [call.body])]


_IN_TRANSACTION = {"Put": "PutItem", "ConditionCheck": "ConditionCheckItem"}
_IAM_PREFIX = {"monitoring": "cloudwatch"}
_IAM_ACTION = {"Invoke": "InvokeFunction"}
