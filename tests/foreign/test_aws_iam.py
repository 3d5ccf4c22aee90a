"""What `stoker iam` prints, enforced by an IAM that this project did not write: it is enough, and each statement is needed.

ministack checks some calls of Lambda under the names of others, and on the function where AWS checks the alias. Whoever may make
the call may make here what ministack takes it for, too; nothing else is added to what is printed. It does not check
GetAccountSettings, and cannot tell GetProvisionedConcurrencyConfig from GetFunction.
"""

import json

import pytest

from tests.e2e.daemons import policy_text, stoker
from tests.foreign.aws import REGION

TAKEN_FOR = {
    "lambda:GetAlias": "lambda:ListAliases",
    "lambda:PutProvisionedConcurrencyConfig": "lambda:UpdateFunctionCode",
    "lambda:DeleteProvisionedConcurrencyConfig": "lambda:DeleteFunction",
}


class Operator:
    """A user of an account that may do what is printed for a policy, and nothing else."""

    def __init__(self, account, tmp_path):
        self.account, self.policy, self.state = account, tmp_path / "policy.yaml", tmp_path / "state"
        account.function("agent", units=4)
        account.lease_table("stoker-lease")
        self.limit(20)
        self.identities = account.client("iam")
        self.identities.create_user(UserName="stoker")
        made = self.identities.create_access_key(UserName="stoker")["AccessKey"]
        self.environment = account.endpoints | {"AWS_ACCESS_KEY_ID": made["AccessKeyId"],
                                                "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"]}

    def limit(self, high):
        lease = "lease: {kind: dynamodb, region: us-east-1, table: stoker-lease}\n"
        self.policy.write_text(policy_text("agent", high=high) + lease)

    async def may(self, without=None):
        """Attach what `stoker iam` prints, less the statement or the action `without`."""
        code, out, err = await stoker("iam", str(self.policy), "--account", self.account.number, "--json")
        assert code == 0, err
        [document] = json.loads(out)["aws"]
        kept = [statement | {"Action": [action for action in statement["Action"] if action != without]}
                for statement in document["Statement"] if statement["Sid"] != without]
        assert without is None or kept != document["Statement"]
        function = f"arn:aws:lambda:{REGION}:{self.account.number}:function:agent"
        taken_for = [TAKEN_FOR[action] for statement in kept for action in statement["Action"] if action in TAKEN_FOR]
        kept.append({"Sid": "TakenFor", "Effect": "Allow", "Action": taken_for, "Resource": function})
        self.identities.put_user_policy(UserName="stoker", PolicyName="printed",
                                        PolicyDocument=json.dumps(document | {"Statement": kept}))

    async def doctor(self):
        """The texts of what failed."""
        _, out, err = await stoker("doctor", str(self.policy), "--state-dir", str(self.state), "--json",
                                   environment=self.environment)
        return [each["text"] for each in json.loads(out)["findings"] if each["verdict"] == "fail"], out + err

    async def once(self):
        return await stoker("run", "--policy", str(self.policy), "--state-dir", str(self.state), "--once",
                            environment=self.environment)


@pytest.fixture
def operator(strict_account, tmp_path):
    return Operator(strict_account, tmp_path)


async def test_the_printed_permissions_suffice_to_read_lead_raise_and_lower(operator):
    await operator.may()
    failed, told = await operator.doctor()
    assert failed == [], told
    for high in (20, 1):
        operator.limit(high)
        code, _, err = await operator.once()
        assert (code, operator.account.requested("agent")) == (0, min(4, high)), err


@pytest.mark.parametrize(("statement", "permissions"), [
    ("ReadMetricsAndQuotas", ["cloudwatch:GetMetricData"]), ("ReadFunctions", ["lambda:ListAliases", "lambda:GetFunction"]),
    ("ShareLease", ["dynamodb:GetItem"]),
])
async def test_without_a_statement_doctor_names_the_missing_permission(operator, statement, permissions):
    await operator.may(without=statement)
    failed, told = await operator.doctor()
    for permission in permissions:
        assert [text for text in failed if f"permission {permission} is missing" in text], told


async def test_without_the_write_statement_the_missing_permission_is_named_and_capacity_is_held(operator):
    await operator.may(without="SetWarmCapacity")
    _, _, err = await operator.once()

    assert "permission lambda:UpdateFunctionCode is missing" in err
    assert operator.account.requested("agent") == 0


@pytest.mark.parametrize("action", ["dynamodb:PutItem", "dynamodb:ConditionCheckItem"])
async def test_without_write_permission_on_the_lease_nothing_is_written_and_the_permission_is_named(operator, action):
    await operator.may(without=action)
    _, _, err = await operator.once()

    assert f"permission {action} is missing" in err
    assert operator.account.requested("agent") == 0
