"""A certificate that is not trusted ends every client's call before anything is sent, and the error names what to set."""

import os
from unittest import mock

import pytest
from google.cloud import run_v2

from adapters.aws.clients import Connections as Aws
from adapters.aws.errors import ApiCall as AwsCall
from adapters.gcp.clients import Connections as Google
from adapters.gcp.errors import ApiCall
from adapters.ports.errors import Unreachable
from adapters.web.client import Client
from tests.impostor import impostor


async def ask_aws(address):
    connections = Aws("us-east-1", f"https://{address}")
    units = {"FunctionName": "agent", "Qualifier": "live", "ProvisionedConcurrentExecutions": 3}
    try:
        asked = AwsCall("lambda", "put_provisioned_concurrency_config", "alias agent:live", writes=True)
        await connections.call(asked, units, lambda answer: answer)
    finally:
        await connections.close()


class Token:
    """Credentials that are renewed already: what is tried here begins after that."""

    dated = None

    async def headers(self):
        return (("authorization", "Bearer hunter2hunter2"),)

    def close(self):
        pass


async def ask_google(address):
    connections = Google()
    connections._tokens = Token()
    service = run_v2.Service(name="projects/acme/locations/europe-west1/services/chat")
    try:
        asked = ApiCall("UpdateService", "Cloud Run service chat", "run.services.update", writes=True)
        with mock.patch.dict(os.environ, CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN=f"https://{address}/"):
            await connections.services(asked, "update_service", run_v2.UpdateServiceRequest(service=service), str)
    finally:
        await connections.close()


async def ask_web(address):
    client = Client()
    try:
        await client.send("POST", f"https://{address}/ping", "http://agent", {"Authorization": "Bearer hunter2hunter2"}, {})
    finally:
        await client.close()


@pytest.mark.parametrize(("ask", "remedy"), [
    (ask_aws, "AWS_CA_BUNDLE"), (ask_google, "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"), (ask_web, "SSL_CERT_FILE")])
async def test_nothing_is_sent_to_an_impostor(ask, remedy, tmp_path):
    async with impostor(tmp_path) as (address, heard):
        with pytest.raises(Unreachable) as told:
            await ask(address)

    assert "certificate that is not trusted" in str(told.value)
    assert "nothing was sent" in str(told.value)
    assert remedy in str(told.value)
    assert "\n" not in str(told.value)
    assert not any(heard)
