"""Cause and remedy of a denied call, from the details of the response. Most causes are not a missing permission."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from google.api_core import exceptions as google

from adapters.ports.errors import PermissionDenied, brief

TOKENS = re.compile(r"\bya29\.[\w.-]+|\beyJ[\w-]+\.[\w.-]+|\b[Bb]earer\s+\S+")
UID = re.compile(r"vpcServiceControlsUniqueIdentifier:?\s*([\w-]+)")
ACT_AS = re.compile(r"[Ii]am\.service[Aa]ccounts\.actAs\b.*?service account \[?([\w.%+-]+@[\w.-]*\w)", re.DOTALL)
PERMISSION = re.compile(r"[Pp]ermission '?([a-z]+\.[a-zA-Z]+\.[a-zA-Z]+)'? (?:denied|is missing)")
NO_CAUSE = re.compile(r"(?:The )?[Cc]aller does not have permission\.?|[Pp]ermission denied\.?|")
BY_TEXT = (
    (re.compile(r"API has not been used|SERVICE_DISABLED|it is disabled"), "SERVICE_DISABLED"),
    (re.compile(r"insufficient authentication scopes", re.IGNORECASE), "ACCESS_TOKEN_SCOPE_INSUFFICIENT"),
    (re.compile(r"requires billing|[Bb]illing (?:is )?disabled|delinquent"), "BILLING_DISABLED"),
    (re.compile(r"serviceusage\.services\.use|required permission to use project"), "USER_PROJECT_DENIED"),
    (UID, "SECURITY_POLICY_VIOLATED"),
    (re.compile(r"has been suspended"), "CONSUMER_SUSPENDED"),
)
"""Text of an error without details -> its reason."""

WORDS = {
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT":
        "the credentials lack the scope cloud-platform: add the access scope cloud-platform to the machine or node pool, or set "
        "GOOGLE_APPLICATION_CREDENTIALS",
    "ACCOUNT_STATE_INVALID": "the account of the credentials is disabled or deleted: enable it, or use another one",
    "BILLING_DISABLED": "billing is disabled for {consumer}: link the project to an active billing account",
    "CONSUMER_INVALID": "{consumer} does not exist, is being deleted or cannot be used: check the project's ID in the policy and "
                        "the quota project of the credentials",
    "CONSUMER_SUSPENDED": "{consumer} is suspended: its owner must appeal or settle its bills in the Cloud console",
    "GCP_SUSPENDED": "Google has suspended the account of {consumer}: its owner must appeal in the Cloud console",
    "LOCATION_ORG_POLICY_VIOLATED": "a policy of the organisation forbids this location ({service})",
    "LOCATION_POLICY_VIOLATED": "a policy of the organisation forbids this location ({service})",
    "ORG_RESTRICTION_VIOLATION": "the network's egress proxy does not allow requests to this organisation: have the "
                                 "project's organisation added to X-Goog-Allowed-Resources",
    "RESOURCE_PROJECT_INVALID": "the project does not exist or is being deleted: check the project's ID in the policy",
    "RESOURCE_USAGE_RESTRICTION_VIOLATED": "a policy of the organisation forbids the use of {service} in {consumer}: have the "
                                           "constraint gcp.restrictServiceUsage changed",
    "SECURITY_POLICY_VIOLATED": "VPC Service Controls forbid it (unique identifier {uid}): allow Stoker's account and network by "
                                "an ingress rule of the perimeter; the VPC-SC troubleshooter explains the identifier",
    "SERVICE_DISABLED": "its API is not enabled in {consumer}: enable {service}",
    "USER_BLOCKED_BY_ADMIN": "an administrator has blocked the account of the credentials",
    "USER_PROJECT_DENIED": "the account may not use the quota project {consumer}: allow serviceusage.services.use on it, by "
                           "roles/serviceusage.serviceUsageConsumer, or remove the quota project from the credentials",
}
"""Reason -> cause and remedy. Names in braces are replaced by values from the details."""

DEFAULT_FACTS = {"consumer": "the project", "service": "run.googleapis.com and monitoring.googleapis.com", "uid": "not given"}


@dataclass(frozen=True, slots=True)
class Denial:
    """A denied call. `permission`: the permission that the call needs."""

    resource: str
    permission: str
    method: str

    def of(self, error: google.GoogleAPICallError) -> PermissionDenied:
        """Return the error for a response with status PERMISSION_DENIED."""
        text, metadata = shown(error), dict(error.metadata or {})
        account = ACT_AS.search(text)
        if account is not None:
            return self._error(f"permission iam.serviceAccounts.actAs is missing on {account[1]}, the identity of the service: "
                               "allow it to Stoker's service account; stoker iam prints the command")
        known = by_reason(error)
        if known:
            return self._error(known)
        named = metadata.get("permission") or next(iter(PERMISSION.findall(text)), "")
        if named or NO_CAUSE.fullmatch(text):
            return self._error(f"permission {named or self.permission} is missing: allow it to Stoker's service account")
        return self._error(f"Google denies {self.method}: {text}" + (f" ({error.reason})" if error.reason else ""))

    def _error(self, why: str) -> PermissionDenied:
        return PermissionDenied(f"{self.resource}: {why}")


def by_reason(error: google.GoogleAPICallError) -> str:
    """Return cause and remedy of an error by its reason, for any status. Empty when the reason is unknown."""
    text = shown(error)
    reason = error.reason if error.reason in WORDS else next((reason for form, reason in BY_TEXT if form.search(text)), "")
    if not reason or (error.reason and reason != error.reason):
        return ""
    return WORDS[reason].format_map({**DEFAULT_FACTS, **_facts(error.metadata or {}, text)})


def shown(error: google.GoogleAPICallError) -> str:
    """Return the text of an error on one line, with everything that looks like a token replaced by `[hidden]`."""
    return brief(TOKENS.sub("[hidden]", error.message or ""))


def _facts(metadata: Mapping[str, str], text: str) -> dict[str, str]:
    facts = {name: brief(value)[:120] for name, value in metadata.items() if name in DEFAULT_FACTS and value}
    uid = UID.search(text)
    return facts if uid is None else {"uid": uid[1], **facts}
