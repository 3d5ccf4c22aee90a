"""The registry: libraries only when a pool uses them, sources by region."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from adapters.aws.metric_settings import CloudWatchMetricSettings
from adapters.aws.settings import LambdaProvisionedConcurrencySettings
from adapters.gcp.settings import CloudMonitoringSettings, CloudRunMinInstancesSettings
from adapters.kinds import Kind, grants
from adapters.ports.errors import Unsupported
from adapters.registry import Registry
from adapters.runtime.clock import ManualClock
from config.model.credentials import Credentials
from config.model.demand import NoDemandSettings
from config.model.lead import Lead
from config.model.lead_policy import LeadPolicy, lead_policies
from config.model.policy import Policy, PoolPolicy
from tests.builders import NOON
from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]
KIND = "lambda-provisioned-concurrency"


def pool(name, region="us-east-1", alias="live"):
    settings = {"kind": KIND, "region": region, "function": name, "alias": alias}
    return PoolPolicy(name=name, max=10, lever=LambdaProvisionedConcurrencySettings.model_validate(settings))


@pytest.fixture
async def made():
    built = Registry(ManualClock(NOON), np.random.default_rng(0), "http://127.0.0.1:1")
    yield built
    await built.close()


def ran(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_SECONDS, cwd=ROOT)


def test_a_missing_library_is_named_with_the_remedy():
    done = ran("import sys; sys.modules['boto3'] = None; sys.modules['botocore'] = None\n"
               "from adapters.ports.errors import Unsupported\nfrom tests.adapters.test_registry import *\n"
               "try: Registry(ManualClock(NOON), np.random.default_rng(0)).lever(pool('agent'))\n"
               "except Unsupported as error: print(error)")

    assert "pool agent" in done.stdout, done.stderr
    assert "install the wheel with the extra aws" in done.stdout


def test_a_fault_within_an_adapter_is_not_taken_for_a_missing_library():
    entry = Kind("x:y", "adapters.nowhere:Thing", "adapters.nowhere:Thing", "aws")
    with pytest.raises(ModuleNotFoundError):
        Registry(ManualClock(NOON), np.random.default_rng(0))._made(entry, KIND, "pool agent: the lever", None)


async def test_a_lever_is_built_for_its_kind(made):
    assert made.lever(pool("agent")).kind == KIND


async def test_there_is_one_source_a_region_and_every_pool_is_in_one(made):
    found = made.sources([pool("a"), pool("b", "eu-west-1"), pool("c")])

    assert [(source.region, names) for source, names in found] == [("us-east-1", ("a", "c")), ("eu-west-1", ("b",))]


async def test_levers_of_one_region_share_a_limit_and_others_do_not(made):
    first, second, far = (made.lever(pool(*at)) for at in (("a",), ("b",), ("c", "eu-west-1")))

    assert first._plane is second._plane
    assert first._plane is not far._plane


def on_cloud_run(name, project="acme"):
    settings = {"kind": "cloud-run-min-instances", "project": project, "location": "europe-west1", "service": name}
    return PoolPolicy(name=name, max=10, lever=CloudRunMinInstancesSettings.model_validate(settings))


async def test_pools_of_two_clouds_have_each_their_own_sources():
    built = Registry(ManualClock(NOON), np.random.default_rng(0), "http://127.0.0.1:1", sandbox_grpc="127.0.0.1:1")
    found = built.sources([pool("a"), on_cloud_run("b"), on_cloud_run("c", "other"), on_cloud_run("d")])
    await built.close()

    kinds = [(source.kind, names) for source, names in found]
    assert kinds == [("cloudwatch-lambda", ("a",)), ("cloud-monitoring", ("b", "d")), ("cloud-monitoring", ("c",))]


async def test_in_a_sandbox_no_provider_is_reached_that_it_does_not_answer_for(made):
    with pytest.raises(Unsupported, match="pool chat"):
        made.lever(on_cloud_run("chat"))
    with pytest.raises(Unsupported, match="pool agent"):
        Registry(ManualClock(NOON), np.random.default_rng(0), sandbox_grpc="127.0.0.1:1").lever(pool("agent"))


@pytest.mark.parametrize(("field", "value"), [
    ("project", "Acme"), ("project", "123456"), ("location", "europe"), ("location", "-"), ("service", "Chat"),
    ("service", "projects/acme/locations/europe-west1/services/chat"), ("service", ""),
])
def test_settings_of_cloud_run_that_could_not_work_are_refused(field, value):
    good = {"kind": "cloud-run-min-instances", "project": "acme", "location": "europe-west1", "service": "chat"}
    with pytest.raises(ValidationError):
        CloudRunMinInstancesSettings.model_validate(good | {field: value})


@pytest.mark.parametrize(("field", "value"), [
    ("alias", "$LATEST"), ("alias", "7"), ("alias", "a" * 129), ("region", "europe"), ("region", "us-east-1 "),
    ("function", "arn:aws:lambda:us-east-1:1:function:agent"), ("function", ""), ("kind", "lambda-ping"),
])
def test_settings_that_could_not_work_are_refused(field, value):
    good = {"kind": KIND, "region": "us-east-1", "function": "agent", "alias": "live"}
    with pytest.raises(ValidationError):
        LambdaProvisionedConcurrencySettings.model_validate(good | {field: value})


def test_unknown_settings_are_refused():
    good = {"kind": KIND, "region": "us-east-1", "function": "agent", "alias": "live"}
    with pytest.raises(ValidationError):
        LambdaProvisionedConcurrencySettings.model_validate(good | {"version": "3"})


def leading(*names: str) -> tuple[LeadPolicy, ...]:
    """The policies of two signals of pools: a metric of CloudWatch and a service on Cloud Run."""
    metric = {"namespace": "AWS/SQS", "metric": "Depth", "statistic": "Maximum"}
    queue = CloudWatchMetricSettings.model_validate({"kind": "cloudwatch", "region": "eu-west-1", "peak": metric})
    service = CloudMonitoringSettings(kind="cloud-monitoring", project="acme", location="europe-west1", service="chat",
                                      concurrency_target=0.6)
    leads = (Lead(source=queue), Lead(source=service), Lead(pool="planner"))
    return tuple(lead_policies(pool(name).model_copy(update={"leads": leads}) for name in names))


async def test_a_demand_source_that_leads_pools_is_read_once_and_has_checks_and_no_lever():
    built = Registry(ManualClock(NOON), np.random.default_rng(0), "http://127.0.0.1:1", sandbox_grpc="127.0.0.1:1")
    leads = leading("a", "b")
    found = [(source.kind, names) for source, names in built.sources(leads)]
    titles = [check.title for check in built.checks([pool("a"), *leads])]
    await built.close()

    assert found == [("cloudwatch", (leads[0].name,)), ("cloud-monitoring", (leads[1].name,))]
    assert leads[0].title == "lead cloudwatch AWS/SQS:Depth:Maximum of a, b"
    assert f"metrics of {leads[0].name}" in titles
    assert any("acme" in title for title in titles)


def test_signals_need_permissions_to_read_and_no_others():
    whole = Policy.model_construct(pools=(pool("a").model_copy(update={"leads": (Lead(source=leading("a")[0].demand),)}),))
    ((aws, pools),) = grants(whole)

    assert [permission.action for permission in aws.needed(pools[1])] == ["cloudwatch:GetMetricData"]
    assert "eu-west-1" in aws.text(pools, None)


def test_a_provider_that_is_used_by_a_signal_alone_grants_reading():
    whole = Policy.model_construct(pools=(pool("a").model_copy(update={"leads": (Lead(source=leading("a")[1].demand),)}),))
    google, pools = grants(whole)[1]

    assert google.provider == "google"
    assert {permission.writes for each in pools for permission in google.needed(each)} == {False}


async def test_pools_of_one_lever_kind_can_have_different_sources(made):
    pools = [pool("a"), pool("b").model_copy(update={"demand": NoDemandSettings(kind="none")})]

    assert [(source.kind, names) for source, names in made.sources(pools)] == [("cloudwatch-lambda", ("a",)), ("none", ("b",))]


ROLES = [Credentials(role_arn=f"arn:aws:iam::{account}:role/stoker") for account in ("111122223333", "444455556666")]


def of_account(name, credentials):
    return pool("agent").model_copy(update={"name": name, "credentials": credentials})


def test_each_credentials_have_sources_connections_and_limits_of_their_own(made):
    pools = [of_account("own", None), *(of_account(f"in-{each.account}", each) for each in ROLES)]
    pools.append(of_account("also-first", ROLES[0]))
    levers = [made.lever(each) for each in pools]

    assert [names for _, names in made.sources(pools)] == [("own",), ("in-111122223333", "also-first"), ("in-444455556666",)]
    planes = [each._plane for each in levers]
    assert planes[1] is planes[3]
    assert len({id(each) for each in planes}) == len({id(each._connections) for each in planes}) == 3
    assert levers[1].resource == "Lambda alias agent:live in us-east-1 of account 111122223333"


def test_checks_of_one_region_are_made_in_each_account(made):
    pools = [of_account("own", None), *(of_account(each.account, each) for each in ROLES)]
    titles = [check.title for check in made.checks(pools)]

    assert [title for title in titles if title.startswith("credentials and clock")] == [
        "credentials and clock of AWS in us-east-1", *(f"credentials and clock of AWS in us-east-1 of account {each.account}"
                                                       for each in ROLES)]


def test_the_demand_of_a_pool_at_another_cloud_is_read_with_the_daemons_own_identity(made):
    service = CloudMonitoringSettings(kind="cloud-monitoring", project="acme", location="europe-west1", service="chat",
                                      concurrency_target=0.6)

    assert of_account("a", ROLES[0]).model_copy(update={"demand": service}).credentials_at(service.cloud) is None
