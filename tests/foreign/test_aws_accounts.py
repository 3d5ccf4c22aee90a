"""One daemon and three accounts, against an emulator that enforces IAM and trust policies: with what `stoker iam` prints, each
write lands in its account; a role that is taken away and an account that hangs affect their own pools alone.
"""

import asyncio
import contextlib
import json
import signal
from textwrap import dedent, indent

import numpy as np
import pytest

from adapters.aws.trust import trust_document
from adapters.kinds import policy_kinds
from adapters.ports.discovery import Wanted
from adapters.registry import Registry
from adapters.runtime.clock import SystemClock
from config.loading.loader import load_policy
from config.model.credentials import Credentials
from tests.deploy.folder import DEPLOY
from tests.e2e.daemons import daemon, stoker
from tests.foreign.account_gate import Gate
from tests.foreign.aws import REGION, Account
from tests.foreign.conftest import NUMBERS
from tests.foreign.test_aws_iam import TAKEN_FOR
from tests.patience import PATIENCE_SECONDS

OFTEN = ("--tick-seconds", "1")
PATH = "/2019-09-30/functions/agent/provisioned-concurrency"
EXTERNAL_ID = "stoker-7f3a9c"


class Organisation:
    """The daemon's own account, and two others with a role for it. Each has a function of one name; `units` are in flight, by the
    name of its pool.
    """

    def __init__(self, server, scaling, folder, high=20):
        self.accounts = {name: Account(str(next(NUMBERS)), server, scaling) for name in ("own", "first", "second")}
        self.units = {"own": 4, "first": 2, "second": 6}
        self.policy, self.state = folder / "policy.yaml", folder / "state"
        self.write(high)
        for name, units in self.units.items():
            self.accounts[name].function("agent", units=units)
        own = self.accounts["own"].client("iam")
        self.principal = own.create_user(UserName="daemon")["User"]["Arn"]
        made = own.create_access_key(UserName="daemon")["AccessKey"]
        self.key, self.secret = made["AccessKeyId"], made["SecretAccessKey"]

    def role(self, name):
        return f"arn:aws:iam::{self.accounts[name].number}:role/stoker"

    def write(self, high, **highs):
        """Write the policy; `highs` gives single pools another ceiling."""
        text = "version: 1\ndefaults: {mode: active}\npools:\n"
        for name in self.units:
            given = "" if name == "own" else f"credentials: {{role_arn: '{self.role(name)}', external_id: {EXTERNAL_ID}}}"
            text += indent(dedent(f"""\
                - name: {name}
                  lever: {{kind: lambda-provisioned-concurrency, region: {REGION}, function: agent, alias: live}}
                  max: {highs.get(name, high)}
                  {given}
                """), "  ")
        self.policy.write_text(text)

    async def grant(self):
        """Create what `stoker iam` prints, and the permissions that the emulator takes for others."""
        code, out, err = await stoker("iam", str(self.policy), "--account", self.accounts["own"].number, "--principal",
                                      self.principal, "--json")
        assert code == 0, err
        self.printed = json.loads(out)
        [document] = self.printed["aws"]
        self.accounts["own"].client("iam").put_user_policy(UserName="daemon", PolicyName="printed",
                                                           PolicyDocument=json.dumps(self.taken_for(document, "own")))
        for name in ("first", "second"):
            self.give(name)

    def give(self, name):
        """Create the role of an account."""
        found = next(each for each in self.printed["identities"] if each["identity"] == self.role(name))
        identities = self.accounts[name].client("iam")
        identities.create_role(RoleName="stoker", AssumeRolePolicyDocument=json.dumps(found["trust"]))
        for number, document in enumerate(found["documents"]):
            identities.put_role_policy(RoleName="stoker", PolicyName=f"printed-{number}",
                                       PolicyDocument=json.dumps(self.taken_for(document, name)))

    def take_away(self, name):
        """Delete the role of an account."""
        identities = self.accounts[name].client("iam")
        for policy in identities.list_role_policies(RoleName="stoker")["PolicyNames"]:
            identities.delete_role_policy(RoleName="stoker", PolicyName=policy)
        identities.delete_role(RoleName="stoker")

    def mistaken(self, name):
        """Let the role make what the emulator takes its calls for."""
        statement = {"Effect": "Allow", "Action": [*TAKEN_FOR.values()], "Resource": "*"}
        self.accounts[name].client("iam").put_role_policy(RoleName="stoker", PolicyName="mistaken",
                                                          PolicyDocument=json.dumps({"Statement": [statement]}))

    def taken_for(self, document, name):
        function = f"arn:aws:lambda:{REGION}:{self.accounts[name].number}:function:agent"
        actions = [TAKEN_FOR[action] for each in document["Statement"] for action in each["Action"] if action in TAKEN_FOR]
        return document | {"Statement": [*document["Statement"], {"Sid": "TakenFor", "Effect": "Allow", "Action": actions,
                                                                  "Resource": function}]}

    def environment(self, url=None):
        own = self.accounts["own"]
        given = own.endpoints | {"AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret}
        return given if url is None else given | {"AWS_ENDPOINT_URL": url}

    def requested(self):
        return {name: each.requested("agent") for name, each in self.accounts.items()}

    async def becomes(self, **units):
        """Wait until the pools have so many units."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not units.items() <= (await asyncio.to_thread(self.requested)).items():  # noqa: ASYNC110
                await asyncio.sleep(0.2)

    async def once(self, **environment):
        return await stoker("run", "--policy", str(self.policy), "--state-dir", str(self.state), "--once",
                            environment=self.environment() | environment)

    @contextlib.asynccontextmanager
    async def running(self, url):
        async with daemon(self.policy, self.state, None, *OFTEN, environment=self.environment(url)) as run:
            yield run

    async def findings(self):
        _, out, err = await stoker("doctor", str(self.policy), "--state-dir", str(self.state), "--json",
                                   environment=self.environment())
        return json.loads(out)["findings"], out + err


@pytest.fixture
async def organisation(strict_ministack, moto, tmp_path):
    made = await asyncio.to_thread(Organisation, strict_ministack, moto, tmp_path)
    await made.grant()
    return made


async def test_with_the_printed_permissions_each_write_lands_in_its_account(organisation):
    async with Gate(organisation.accounts["own"].server.url, (organisation.key, organisation.accounts["own"].number)) as gate:
        code, _, err = await organisation.once(AWS_ENDPOINT_URL=gate.url)

    assert (code, organisation.requested()) == (0, organisation.units), err
    assert sorted(gate.writes()) == sorted((each.number, PATH) for each in organisation.accounts.values())
    roles = [account for account, what in gate.calls if what == "POST /" and account != organisation.accounts["own"].number]
    assert {*roles} == {organisation.accounts[name].number for name in ("first", "second")}


async def test_without_the_external_id_no_role_is_assumed(organisation):
    text = organisation.policy.read_text()
    organisation.policy.write_text(text.replace(f", external_id: {EXTERNAL_ID}", "", 1))
    _, _, err = await organisation.once()

    assert organisation.requested() == organisation.units | {"first": 0}
    assert f"AWS refuses AssumeRole of {organisation.role('first')}" in err


async def test_a_role_that_is_taken_away_holds_its_pools_alone_until_it_is_given_back(organisation):
    await organisation.once()
    await asyncio.to_thread(organisation.take_away, "first")
    organisation.write(1)
    _, _, err = await organisation.once()
    assert organisation.requested() == {"own": 1, "first": 2, "second": 1}, err
    assert f"AWS refuses AssumeRole of {organisation.role('first')}" in err

    await asyncio.to_thread(organisation.give, "first")
    code, _, err = await organisation.once()
    assert (code, organisation.requested()) == (0, {"own": 1, "first": 1, "second": 1}), err


async def test_a_running_daemon_follows_a_role_that_is_deleted_and_created_again(organisation):
    number = organisation.accounts["own"].number
    async with (Gate(organisation.accounts["own"].server.url, (organisation.key, number)) as gate,
                organisation.running(gate.url) as run):
        await organisation.becomes(**organisation.units)
        await asyncio.to_thread(organisation.take_away, "first")
        for account in organisation.accounts.values():
            account.traffic("agent", "live", 9, 3)
        await organisation.becomes(own=9, second=9)
        assert organisation.requested()["first"] == 2
        await asyncio.to_thread(organisation.give, "first")
        await organisation.becomes(first=9)
        assert not [line for line in run.lines if "Traceback" in str(line)]


async def test_an_account_that_hangs_delays_no_other_and_no_reload(organisation):
    own, first = (organisation.accounts[name].number for name in ("own", "first"))
    async with Gate(organisation.accounts["own"].server.url, (organisation.key, own)) as gate:
        gate.hanging.add(first)
        async with organisation.running(gate.url) as run:
            await organisation.becomes(own=4, second=6)
            for account in organisation.accounts.values():
                account.traffic("agent", "live", 9, 3)
            await organisation.becomes(own=9, second=9)
            organisation.write(20, second=3)
            run.process.send_signal(signal.SIGHUP)
            await organisation.becomes(own=9, second=3)
            assert organisation.requested()["first"] == 0
            await gate.release(first)
            await organisation.becomes(own=9, first=9, second=3)
            assert not [line for line in run.lines if "Traceback" in str(line)]


async def test_discover_lists_the_accounts_of_an_organization_and_reports_those_that_refuse(organisation, tmp_path):
    own = organisation.accounts["own"]
    client = own.client("organizations")
    created = client.create_account(Email="agents@example.com", AccountName="agents")["CreateAccountStatus"]["AccountId"]
    client.create_account(Email="closed@example.com", AccountName="closed")
    member = Account(created, own.server, own.scaling)
    member.function("planner", units=3)
    member.client("iam").create_role(RoleName="stoker", AssumeRolePolicyDocument=json.dumps(
        trust_document(Credentials(role_arn=f"arn:aws:iam::{created}:role/stoker", external_id=EXTERNAL_ID),
                       organisation.principal)))
    may = {"Statement": [{"Effect": "Allow", "Resource": "*", "Action": [
        "lambda:List*", "cloudwatch:*", "tag:GetResources", "organizations:ListAccounts", "sts:AssumeRole"]}]}
    member.client("iam").put_role_policy(RoleName="stoker", PolicyName="read", PolicyDocument=json.dumps(may))
    own.client("iam").put_user_policy(UserName="daemon", PolicyName="list", PolicyDocument=json.dumps(may))

    draft = tmp_path / "draft.yaml"
    code, _, err = await stoker("discover", "--region", REGION, "--organization", "--external-id", EXTERNAL_ID, "--output",
                                str(draft), environment=organisation.environment())
    assert code == 0, err
    pools = {pool.name: pool for pool in load_policy(draft, policy_kinds()).pools}
    assert {name: pool.account for name, pool in pools.items()} == {"agent": None, "planner": created}
    assert pools["planner"].credentials.external_id == EXTERNAL_ID
    [refused] = [line for line in draft.read_text().splitlines() if "(closed)" in line]
    assert "AWS refuses AssumeRole" in refused


async def test_a_survey_with_tags_has_the_tags_and_the_alias_of_each_function(organisation, monkeypatch):
    for name, value in organisation.environment().items():
        monkeypatch.setenv(name, value)
    account = organisation.accounts["first"]
    arn = f"arn:aws:lambda:{REGION}:{account.number}:function:agent"
    account.client("lambda").tag_resource(Resource=arn, Tags={"team": "agents", "tier": "gold"})
    account.client("iam").put_role_policy(RoleName="stoker", PolicyName="survey", PolicyDocument=json.dumps(
        {"Statement": [{"Effect": "Allow", "Resource": "*", "Action": ["lambda:List*", "cloudwatch:*", "tag:GetResources"]}]}))
    registry = Registry(SystemClock(), np.random.default_rng(0))
    credentials = Credentials(role_arn=organisation.role("first"), external_id=EXTERNAL_ID)
    try:
        wanted = Wanted(lambda _, tags: tags.get("team") == "agents", reads_tags=True)
        survey = await registry.survey({"region": REGION}, credentials, wanted)
    finally:
        await registry.close()

    assert [(each.name, each.alias, each.tags, each.credentials) for each in survey.found] == [
        ("agent", "live", {"team": "agents", "tier": "gold"}, credentials)]


async def test_doctor_reports_a_role_that_is_refused_once_and_skips_its_pools(organisation):
    await asyncio.to_thread(organisation.take_away, "first")
    found, text = await organisation.findings()
    failed = [each for each in found if each["verdict"] == "fail" and "AssumeRole" in each["text"]]

    assert [each["subject"] for each in failed] == [f"AWS as {organisation.role('first')}"], text
    skipped = [each["subject"] for each in found if each["verdict"] == "skipped"]
    assert "first" in skipped
    assert {"own", "second"}.isdisjoint(skipped)
    assert not [each for each in found if each["verdict"] == "fail" and each not in failed], text


async def test_the_role_of_the_cloudformation_template_suffices_and_writes_in_active_mode_alone(organisation):
    account = organisation.accounts["first"]
    await asyncio.to_thread(organisation.take_away, "first")
    template = (DEPLOY / "cloudformation" / "account-role.yaml").read_text()
    stacks = account.client("cloudformation")
    for mode, units in (("shadow", 0), ("active", 2)):
        given = {"DaemonPrincipal": organisation.principal, "ExternalId": EXTERNAL_ID, "Mode": mode}
        change = stacks.create_stack if mode == "shadow" else stacks.update_stack
        change(StackName="role", TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"],
               Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()])
        waiter = stacks.get_waiter("stack_create_complete" if mode == "shadow" else "stack_update_complete")
        await asyncio.to_thread(waiter.wait, StackName="role", WaiterConfig={"Delay": 1})
        if mode == "active":
            organisation.mistaken("first")
        _, _, err = await organisation.once()
        assert organisation.requested()["first"] == units, err


async def test_selected_functions_of_two_accounts_are_pools_and_an_account_that_refuses_is_named(organisation):
    roles = ", ".join(f"{{role_arn: '{organisation.role(name)}', external_id: {EXTERNAL_ID}}}" for name in ("first", "second"))
    organisation.policy.write_text(dedent(f"""\
        version: 1
        select:
          - include: {{name: a*, alias: live, tags: {{warm: "yes"}}}}
            lever: {{kind: lambda-provisioned-concurrency, region: {REGION}}}
            credentials: [{roles}]
            name: "{{account}}-{{function}}"
            max: 10
        """))
    for name in ("first", "second"):
        await asyncio.to_thread(organisation.take_away, name)
        account = organisation.accounts[name]
        account.client("lambda").tag_resource(Resource=f"arn:aws:lambda:{REGION}:{account.number}:function:agent",
                                              Tags={"warm": "yes"})
    await organisation.grant()
    code, out, err = await stoker("pools", str(organisation.policy), environment=organisation.environment())
    assert code == 0, err
    assert all(f"{organisation.accounts[name].number}-agent" in out for name in ("first", "second")), out

    await asyncio.to_thread(organisation.take_away, "first")
    code, out, err = await stoker("pools", str(organisation.policy), environment=organisation.environment())
    assert f"{organisation.accounts['second'].number}-agent" in out
    assert f"AWS refuses AssumeRole of {organisation.role('first')}" in out + err
