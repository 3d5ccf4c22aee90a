"""Causes of a denied call, over the wire with the details that Google sends."""

from contextlib import asynccontextmanager

import grpc
import pytest
from google.cloud import run_v2
from google.rpc.error_details_pb2 import PreconditionFailure

from adapters.gcp.clients import Connections
from adapters.gcp.errors import ApiCall
from adapters.ports.errors import PermissionDenied
from adapters.sandbox.gcp.refusal import DETAILS, Refusal, reason
from tests.adapters.conformance.cloud_run_stage import CloudRunStage

NAME = "projects/acme/locations/europe-west1/services/agent"
ASKED = ApiCall("GetService", "Cloud Run service agent", "run.services.get")
DENIED = grpc.StatusCode.PERMISSION_DENIED
ACCOUNT = "agent@acme.iam.gserviceaccount.com"
ACT_AS = f"Permission 'iam.serviceaccounts.actAs' denied on service account {ACCOUNT} (or it may not exist)."
PROHIBITED = "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: abc-DEF_12"


@asynccontextmanager
async def refused(refusal):
    """Yield a function that reads, is denied with `refusal`, and returns the text of the error."""
    async with CloudRunStage() as stage:
        stage.world.refusals["GetService"] = refusal
        connections = Connections(stage._server.target)

        async def error_of():
            with pytest.raises(PermissionDenied) as raised:
                await connections.services(ASKED, "get_service", run_v2.GetServiceRequest(name=NAME), str)
            return str(raised.value)

        yield error_of
        await connections.close()


@pytest.mark.parametrize(("refusal", "words"), [
    (Refusal(DENIED, "Request had insufficient authentication scopes.", reason("ACCESS_TOKEN_SCOPE_INSUFFICIENT")),
     "lack the scope cloud-platform"),
    (Refusal(DENIED, PROHIBITED, reason("SECURITY_POLICY_VIOLATED", uid="xyz-1")), "(unique identifier xyz-1)"),
    (Refusal(DENIED, PROHIBITED, PreconditionFailure()), "VPC Service Controls forbid it (unique identifier abc-DEF_12)"),
    (Refusal(DENIED, "x", reason("SERVICE_DISABLED", service="run.googleapis.com", consumer="projects/123")),
     "its API is not enabled in projects/123: enable run.googleapis.com"),
    (Refusal(DENIED, "x", reason("BILLING_DISABLED", consumer="projects/123")), "billing is disabled for projects/123"),
    (Refusal(DENIED, "x", reason("USER_PROJECT_DENIED", consumer="projects/q")), "may not use the quota project projects/q"),
    (Refusal(DENIED, "x", reason("CONSUMER_SUSPENDED", consumer="projects/123")), "projects/123 is suspended"),
    (Refusal(DENIED, "x", reason("CONSUMER_INVALID", consumer="projects/123")), "projects/123 does not exist"),
    (Refusal(DENIED, ACT_AS), f"permission iam.serviceAccounts.actAs is missing on {ACCOUNT}"),
    (Refusal(DENIED, ACT_AS, reason("IAM_PERMISSION_DENIED", permission="iam.serviceAccounts.actAs")), f"missing on {ACCOUNT}"),
    (Refusal(DENIED, "x", reason("IAM_PERMISSION_DENIED", "iam.googleapis.com", permission="run.services.list")),
     "permission run.services.list is missing"),
    (Refusal(DENIED, "The caller does not have permission"), "permission run.services.get is missing"),
    (Refusal(DENIED, "A new rule of ours forbids it. ya29.secret-token", reason("NEW_RULE")),
     "Google denies GetService: A new rule of ours forbids it. [hidden] (NEW_RULE)"),
    (Refusal(DENIED, "This API method requires billing to be enabled."), "billing is disabled"),
])
async def test_a_denial_is_explained_by_its_reason(refusal, words):
    async with refused(refusal) as error_of:
        text = await error_of()

    assert text.startswith("Cloud Run service agent: ")
    assert words in text
    assert "\n" not in text
    assert "ya29" not in text


async def test_unreadable_details_do_not_hide_the_error():
    class Broken(Refusal):
        def trailing(self):
            return ((DETAILS, b"\xff\xff garbage"),)

    async with refused(Broken(DENIED, "The caller does not have permission")) as error_of:
        assert "permission run.services.get is missing" in await error_of()


async def test_details_of_another_status_do_not_hide_the_error():
    class Other(Refusal):
        def trailing(self):
            return Refusal(grpc.StatusCode.NOT_FOUND, "something else", reason("SERVICE_DISABLED")).trailing()

    async with refused(Other(DENIED, "The caller does not have permission")) as error_of:
        assert "permission run.services.get is missing" in await error_of()
