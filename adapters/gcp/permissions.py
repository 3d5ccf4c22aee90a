"""Permissions that pools on Cloud Run need: custom IAM roles, and the resources that each role is granted on."""

import re
from collections.abc import Sequence
from typing import Any, ClassVar

from adapters.ports.permissions import Permission
from config.model.credentials import Cloud, Credentials
from config.model.lease import LeaseSettings
from config.model.policy import PoolPolicy

READ = {
    "run.services.get": "reads the minimum instances and the state of the service",
    "run.services.list": "reads the configuration of services whose demand is read",
    "run.revisions.get": "reads the configuration of older revisions that have traffic",
    "monitoring.timeSeries.list": "reads demand and counts instances",
}
"""Granted on the project: lists and metrics have no smaller scope. The lever and the demand source need the same."""

QUERY = {"monitoring.timeSeries.list": "reads demand"}
"""Granted on the project whose Managed Service for Prometheus is queried, or of which metrics alone are read, in place of
`READ`."""

TOKEN_CREATOR = "roles/iam.serviceAccountTokenCreator"  # noqa: S105  (the name of a role)
DAEMON = "DAEMON_SERVICE_ACCOUNT"
"""In place of the email address of the daemon's own service account while it is not given."""

METRICS_ALONE = "cloud-monitoring-metric"

QUERIED = re.compile(r"/v1/projects/([^/]+)/location/")
"""The project in the URL of that service."""

SET = {"run.services.update": "sets warm capacity"}
"""Granted on each service in active mode."""

ACT_AS = "iam.serviceAccounts.actAs"
"""Cloud Run requires it of the caller of UpdateService, on the identity of the service, for every field: an update could name
another image. No separate call uses it. `roles/iam.serviceAccountUser`, which Google's documentation names, has more permissions.
"""

MEMBER = """\
: "${STOKER:?set it to the identity of the daemon: the e-mail address of a service account, or a member such as principal://...}"
case "$STOKER" in *:*) member=$STOKER ;; *) member=serviceAccount:$STOKER ;; esac"""
"""IAM has members of several kinds: serviceAccount:, user:, group:, and principal:// and principalSet:// of an identity pool."""

HOME = """\
domain=${runs_as#*@}
case "$domain" in *.iam.gserviceaccount.com) home=${domain%.iam.gserviceaccount.com} ;; *) home=PROJECT ;; esac"""
"""Sets `home` to the project of an identity, which can differ from the service's. A custom role is valid only in its project."""


class GcpGrants:
    """Permissions of Google Cloud; see `adapters.ports.permissions.Grants`. Resource names contain no account."""

    cloud: ClassVar[Cloud] = "google"
    provider: ClassVar[str] = "google"

    def __init__(self, lease: LeaseSettings | None = None, credentials: Credentials | None = None,  # noqa: ARG002  (no lease is here)
                 assumed: Sequence[str] = ()) -> None:  # noqa: ARG002  (each is granted on the service account itself)
        self.identity = "" if credentials is None else str(credentials.impersonate)

    def shared(self) -> tuple[Permission, ...]:
        """Return no permission: none is independent of pools."""
        return ()

    def needed(self, pool: PoolPolicy) -> tuple[Permission, ...]:
        """Return the permissions of one pool."""
        read = [Permission(action, (f"projects/{project}",), why) for project, needed in _projects(pool).items()
                for action, why in needed.items()]
        if pool.mode != "active" or not _is_set(pool):
            return tuple(read)
        service = _service(pool)
        act_as = Permission(ACT_AS, (f"the identity of {service}",), "lets an update name that identity again", writes=True)
        return (*read, *(Permission(action, (service,), why, writes=True) for action, why in SET.items()), act_as)

    def documents(self, pools: Sequence[PoolPolicy], account: str | None) -> list[dict[str, Any]]:  # noqa: ARG002
        """Return one document for each project: its roles, each with permissions and the resources that it is granted on."""
        projects: dict[str, list[PoolPolicy]] = {}
        for pool in pools:
            for project in _projects(pool):
                projects.setdefault(project, []).append(pool)
        return [_project(name, members) for name, members in sorted(projects.items())]

    def text(self, pools: Sequence[PoolPolicy], account: str | None) -> str:
        """Return shell commands that create the roles and grant them to the service account, or for the daemon's own identity to
        the one in the variable STOKER. Idempotent.
        """
        lines = ["set -eu", f"member=serviceAccount:{self.identity}" if self.identity else MEMBER]
        for project in self.documents(pools, account):
            lines += ["", *_commands(project)]
        return "\n".join(lines)

    def trust(self, daemon: str | None) -> dict[str, Any] | None:
        """Return the binding of the service account that lets the daemon impersonate it; None for the daemon's own identity."""
        if not self.identity:
            return None
        return {"service_account": self.identity, "role": TOKEN_CREATOR, "members": [f"serviceAccount:{daemon or DAEMON}"]}

    def trust_text(self, daemon: str | None) -> str:
        """Return the command that adds the binding."""
        if (found := self.trust(daemon)) is None:
            return ""
        return (f"gcloud iam service-accounts add-iam-policy-binding {self.identity} --member={found['members'][0]} "
                f"--role={found['role']}")


def _projects(pool: PoolPolicy) -> dict[str, dict[str, str]]:
    """Return the projects of a pool's lever and demand source, each with the permissions to read."""
    settings = [each.model_dump() for each in (pool.lever, pool.demand) if each is not None]
    queried = [match[1] for each in settings if each.get("google") and (match := QUERIED.search(str(each["url"])))]
    queried += [str(each["project"]) for each in settings if each["kind"] == METRICS_ALONE]
    read = [str(each["project"]) for each in settings if "project" in each and each["kind"] != METRICS_ALONE]
    return dict.fromkeys(queried, QUERY) | dict.fromkeys(read, READ)


def _is_set(pool: PoolPolicy) -> bool:
    """Return whether the pool's lever is on Google Cloud; otherwise only its demand is."""
    return hasattr(pool.lever, "project")


def _service(pool: PoolPolicy) -> str:
    settings = pool.lever.model_dump()
    return f"projects/{settings['project']}/locations/{settings['location']}/services/{settings['service']}"


def _project(name: str, pools: Sequence[PoolPolicy]) -> dict[str, Any]:
    active = sorted({_service(pool) for pool in pools if pool.mode == "active" and _is_set(pool)
                     and pool.lever.model_dump()["project"] == name})
    reader = {"id": "stokerReader", "title": "Stoker: read services and metrics",
              "permissions": list(dict.fromkeys(action for pool in pools for action in _projects(pool)[name])),
              "on": [f"projects/{name}"]}
    writer = {"id": "stokerWriter", "title": "Stoker: set minimum instances", "permissions": list(SET), "on": active}
    act_as = {"id": "stokerActAs", "title": "Stoker: act as the identity of a service", "permissions": [ACT_AS]}
    roles = [reader, writer] if active else [reader]
    return {"project": name, "roles": roles, "act_as_identity_of": active, "act_as_role": act_as}


def _commands(project: dict[str, Any]) -> list[str]:
    name = project["project"]
    services = dict.fromkeys(action.partition(".")[0] for role in project["roles"] for action in role["permissions"])
    lines = [f"gcloud services enable {' '.join(f'{each}.googleapis.com' for each in services)} --project={name}"]
    for role in project["roles"]:
        lines.append(_role(role, name))
        for on in role["on"]:
            what = f"projects add-iam-policy-binding {name} --condition=None" if on == f"projects/{name}" else _binding(on)
            lines.append(f'gcloud {what} --member="$member" --role=projects/{name}/roles/{role["id"]}')
    for service in project["act_as_identity_of"]:
        _, _, _, location, _, short = service.split("/")
        describe = f"gcloud run services describe {short} --project={name} --region={location}"
        lines.append(f"runs_as=$({describe} --format='value(spec.template.spec.serviceAccountName)')")
        lines += [HOME.replace("PROJECT", name), _role(project["act_as_role"], '"$home"')]
        lines.append(f'gcloud iam service-accounts add-iam-policy-binding "$runs_as" --project="$home" --member="$member" '
                     f'--role="projects/$home/roles/{project["act_as_role"]["id"]}"')
    return lines


def _role(role: dict[str, Any], project: str) -> str:
    options = f"{role['id']} --project={project} --title='{role['title']}' --permissions={','.join(role['permissions'])} --quiet"
    return f"gcloud iam roles update {options} 2>/dev/null || gcloud iam roles create {options}"


def _binding(service: str) -> str:
    _, project, _, location, _, short = service.split("/")
    return f"run services add-iam-policy-binding {short} --project={project} --region={location}"
