"""The tables of kinds: every entry leads to what it names, and reading them loads no library of a provider."""

import subprocess
import sys

from adapters.aws.settings import LambdaProvisionedConcurrencySettings
from adapters.gcp.settings import CloudRunMinInstancesSettings
from adapters.kinds import KINDS, SOURCES, demand_of, named, policy_kinds
from config.model.lever import LeverSettings
from config.model.policy import PoolPolicy
from tests.patience import PATIENCE_SECONDS
from tests.sources import ROOT

AGENT = LambdaProvisionedConcurrencySettings.model_validate(
    {"kind": "lambda-provisioned-concurrency", "region": "us-east-1", "function": "agent", "alias": "live"})
CHAT = CloudRunMinInstancesSettings.model_validate(
    {"kind": "cloud-run-min-instances", "project": "other", "location": "europe-west1", "service": "chat"})


def test_every_kind_has_settings_of_its_own_name():
    for kind, settings in policy_kinds().levers.items():
        assert issubclass(settings, LeverSettings)
        assert settings.model_fields["kind"].annotation.__args__ == (kind,)


def test_every_demand_kind_leads_to_what_it_names():
    for kind, source in SOURCES.items():
        assert named(source.settings).model_fields["kind"].annotation.__args__ == (kind,)
        assert callable(named(source.provider))


def test_every_kind_leads_to_what_it_names():
    for entry in KINDS.values():
        for path in (entry.settings, entry.provider, entry.lever):
            assert callable(named(path))


def test_knowing_the_kinds_loads_no_library_of_a_provider():
    code = ("import sys; from adapters.kinds import policy_kinds; policy_kinds(); "
            "print([m for m in sys.modules if m.split('.')[0] in ('boto3', 'botocore', 'google', 'grpc')])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_SECONDS, cwd=ROOT)

    assert done.stdout.strip() == "[]", done.stderr


def test_a_pool_that_names_no_demand_has_the_usual_source_of_its_lever():
    usual = [demand_of(PoolPolicy(name="a", max=10, lever=lever)) for lever in (AGENT, CHAT)]

    assert [each.kind for each in usual] == ["cloudwatch-lambda", "cloud-monitoring"]
    assert usual[0].resource == "region=us-east-1 function=agent alias=live"
