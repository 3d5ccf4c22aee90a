"""What Google Cloud's IAM must allow for pools on Cloud Run: custom roles, and what each is granted on."""

from collections.abc import Sequence
from typing import Any

from adapters.ports.permissions import Permission
from config.model.lease import LeaseSettings
from config.model.policy import PoolPolicy

LOOK = {
    "run.services.get": "reads the minimum instances and the state of the service",
    "run.services.list": "reads the configuration of services whose demand is read",
    "run.revisions.get": "reads the configuration of older revisions that have traffic",
    "monitoring.timeSeries.list": "reads demand and counts instances",
}
"""Given on the project: lists and metrics know nothing smaller."""

SET = {"run.services.update": "sets warm capacity"}
"""Given on each service that is written to."""

ACT_AS = "iam.serviceAccounts.actAs"
"""Cloud Run requires it of the caller of UpdateService, on the identity that the service runs as, whichever field is updated: an
update could name another image. It is no call of its own. `roles/iam.serviceAccountUser`, which Google's pages name, holds more.
"""

MEMBER = """\
: "${STOKER:?set it to what the daemon runs as: the e-mail address of a service account, or a member such as principal://...}"
case "$STOKER" in *:*) member=$STOKER ;; *) member=serviceAccount:$STOKER ;; esac"""
"""IAM knows members of many kinds: serviceAccount:, user:, group:, and principal:// and principalSet:// of an identity pool."""

HOME = """\
domain=${runs_as#*@}
case "$domain" in *.iam.gserviceaccount.com) home=${domain%.iam.gserviceaccount.com} ;; *) home=PROJECT ;; esac"""
"""The project of an identity, which may be another than the service's: a role of a project is granted within it alone."""

APIS = "run.googleapis.com monitoring.googleapis.com"


class GcpGrants:
    """See `adapters.ports.permissions.Grants`. Resource names here hold no account."""

    provider = "google"

    def __init__(self, lease: LeaseSettings | None = None) -> None:
        """No lease is kept here."""

    def shared(self) -> tuple[Permission, ...]:
        """Nothing."""
        return ()

    def needed(self, pool: PoolPolicy) -> tuple[Permission, ...]:
        """Of one pool."""
        project, service = f"projects/{pool.lever.model_dump()['project']}", _service(pool)
        look = [Permission(action, (project,), why) for action, why in LOOK.items()]
        if pool.mode != "active":
            return tuple(look)
        act_as = Permission(ACT_AS, (f"the identity of {service}",), "lets an update name that identity again", writes=True)
        return (*look, *(Permission(action, (service,), why, writes=True) for action, why in SET.items()), act_as)

    def documents(self, pools: Sequence[PoolPolicy], account: str | None) -> list[dict[str, Any]]:  # noqa: ARG002
        """One for each project: the roles, each with its permissions and what it is given on."""
        projects: dict[str, list[PoolPolicy]] = {}
        for pool in pools:
            projects.setdefault(str(pool.lever.model_dump()["project"]), []).append(pool)
        return [_project(name, members) for name, members in sorted(projects.items())]

    def text(self, pools: Sequence[PoolPolicy], account: str | None) -> str:
        """Commands for a shell, in which STOKER is what the daemon runs as; they may be repeated."""
        lines = ["set -eu", MEMBER]
        for project in self.documents(pools, account):
            lines += ["", *_commands(project)]
        return "\n".join(lines)


def _service(pool: PoolPolicy) -> str:
    settings = pool.lever.model_dump()
    return f"projects/{settings['project']}/locations/{settings['location']}/services/{settings['service']}"


def _project(name: str, pools: Sequence[PoolPolicy]) -> dict[str, Any]:
    active = sorted({_service(pool) for pool in pools if pool.mode == "active"})
    look = {"id": "stokerReader", "title": "Stoker: look", "permissions": list(LOOK), "on": [f"projects/{name}"]}
    put = {"id": "stokerWriter", "title": "Stoker: set minimum instances", "permissions": list(SET), "on": active}
    act_as = {"id": "stokerActAs", "title": "Stoker: act as what a service runs as", "permissions": [ACT_AS]}
    return {"project": name, "roles": [look, put] if active else [look], "act_as_identity_of": active, "act_as_role": act_as}


def _commands(project: dict[str, Any]) -> list[str]:
    name = project["project"]
    lines = [f"gcloud services enable {APIS} --project={name}"]
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
    made = f"{role['id']} --project={project} --title='{role['title']}' --permissions={','.join(role['permissions'])} --quiet"
    return f"gcloud iam roles update {made} 2>/dev/null || gcloud iam roles create {made}"


def _binding(service: str) -> str:
    _, project, _, location, _, short = service.split("/")
    return f"run services add-iam-policy-binding {short} --project={project} --region={location}"
