"""A fleet of 200 selected functions in three accounts of an emulator that enforces IAM, from ten lines of policy.

Reloads, a refused policy, a role that is taken away and given back, and an account that hangs: nothing restarts, and no
function is written but those with traffic.
"""

import asyncio
import io
import json
import signal
import zipfile

import pytest

from tests.e2e.daemons import daemon, stoker
from tests.foreign.account_gate import Gate
from tests.foreign.aws import HANDLER, REGION, Account
from tests.foreign.conftest import NUMBERS
from tests.patience import PATIENCE_SECONDS

COUNTS = {"own": 66, "first": 67, "second": 67}
BUSY = "agent-000"
"""Function with traffic in each account."""

PATH = f"/2019-09-30/functions/{BUSY}/provisioned-concurrency"
OFTEN = ("--tick-seconds", "2")


class SelectedFleet:
    """Three accounts with functions, of which all but one have the tag, and a role in each for the daemon."""

    def __init__(self, server, scaling, folder):
        self.accounts = {name: Account(str(next(NUMBERS)), server, scaling) for name in COUNTS}
        own = self.accounts["own"].client("iam")
        self.principal = own.create_user(UserName="daemon")["User"]["Arn"]
        self.allow(own.put_user_policy, UserName="daemon")
        made = own.create_access_key(UserName="daemon")["AccessKey"]
        self.key, self.secret = made["AccessKeyId"], made["SecretAccessKey"]
        for name, account in self.accounts.items():
            self.give(name)
            self.create(account, COUNTS[name])
            account.traffic(BUSY, "live", 3, 60)
        roles = ",\n                  ".join(f"{{role_arn: 'arn:aws:iam::{account.number}:role/stoker'}}"
                                             for account in self.accounts.values())
        self.policy, self.state = folder / "policy.yaml", folder / "state"
        self.policy.write_text(f"""version: 1
select:
  - include: {{tags: {{warm: "yes"}}, alias: live}}
    lever: {{kind: lambda-provisioned-concurrency, region: {REGION}}}
    credentials: [{roles}]
    name: "{{account}}-{{function}}"
    mode: active
    max: 10
""")

    def allow(self, put, **whose):
        statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        put(PolicyName="work", PolicyDocument=json.dumps({"Statement": [statement]}), **whose)

    def give(self, name):
        """Create the role of an account."""
        trust = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": self.principal}, "Action": "sts:AssumeRole"}]}
        identities = self.accounts[name].client("iam")
        identities.create_role(RoleName="stoker", AssumeRolePolicyDocument=json.dumps(trust))
        self.allow(identities.put_role_policy, RoleName="stoker")

    def take_away(self, name):
        """Delete the role of an account."""
        identities = self.accounts[name].client("iam")
        identities.delete_role_policy(RoleName="stoker", PolicyName="work")
        identities.delete_role(RoleName="stoker")

    def create(self, account, count):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("agent.py", HANDLER)
        functions, role = account.client("lambda"), account._execution_role()
        for name in (*(f"agent-{number:03}" for number in range(count)), "other"):
            functions.create_function(FunctionName=name, Runtime="python3.12", Role=role, Handler="agent.handler", Publish=True,
                                      Code={"ZipFile": packed.getvalue()}, MemorySize=1024,
                                      Tags={} if name == "other" else {"warm": "yes"})
            functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")

    def environment(self, url):
        given = self.accounts["own"].endpoints | {"AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret}
        return given | {"AWS_ENDPOINT_URL": url}

    def traffic(self, units):
        for account in self.accounts.values():
            account.traffic(BUSY, "live", units, 3)

    def requested(self):
        return {name: account.requested(BUSY) for name, account in self.accounts.items()}

    async def becomes(self, **units):
        """Wait until the functions with traffic have so many units."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not units.items() <= (await asyncio.to_thread(self.requested)).items():  # noqa: ASYNC110
                await asyncio.sleep(0.3)


@pytest.fixture
async def fleet(strict_ministack, moto, tmp_path):
    return await asyncio.to_thread(SelectedFleet, strict_ministack, moto, tmp_path)


async def test_two_hundred_functions_of_ten_lines_survive_reloads_a_lost_role_and_an_account_that_hangs(fleet):
    assert len(fleet.policy.read_text().splitlines()) == 10
    own, first, second = (fleet.accounts[name].number for name in COUNTS)
    async with (Gate(fleet.accounts["own"].server.url, (fleet.key, own)) as gate,
                daemon(fleet.policy, fleet.state, None, *OFTEN, environment=fleet.environment(gate.url)) as run):
        await run.until(lambda: run.told("policy-reloaded", trigger="select"))
        assert run.told("policy-reloaded")[0]["text"] == "pools: 200 added, 0 removed, 0 changed"
        await fleet.becomes(own=3, first=3, second=3)

        for _ in range(20):  # ten a second, during ticks
            run.process.send_signal(signal.SIGHUP)
            await asyncio.sleep(0.1)
        fleet.policy.write_text(fleet.policy.read_text().replace("max: 10", "max: -1"))
        run.process.send_signal(signal.SIGHUP)
        await run.until(lambda: run.told("policy-refused"))

        await asyncio.to_thread(fleet.take_away, "first")
        gate.hanging.add(second)
        await asyncio.to_thread(fleet.traffic, 6)
        await fleet.becomes(own=6)
        assert fleet.requested() == {"own": 6, "first": 3, "second": 3}, "held"
        await asyncio.to_thread(fleet.give, "first")
        await gate.release(second)
        await fleet.becomes(own=6, first=6, second=6)

        assert len(run.told("started")) == 1
        assert len(run.told("policy-reloaded")) == 1, "pools came once, and none left"
        assert not [line for line in run.lines if "Traceback" in str(line)]
    assert sorted(gate.writes()) == sorted((number, PATH) for number in (own, first, second)), "nothing else is touched"


async def test_pools_lists_them_and_names_an_account_that_refuses(fleet):
    await asyncio.to_thread(fleet.take_away, "first")
    code, out, err = await stoker("pools", str(fleet.policy), "-o", "json",
                                  environment=fleet.environment(fleet.accounts["own"].server.url))

    assert code == 1
    assert len(json.loads(out)["pools"]) == COUNTS["own"] + COUNTS["second"], err
    assert f"AWS refuses AssumeRole of arn:aws:iam::{fleet.accounts['first'].number}:role/stoker" in err
