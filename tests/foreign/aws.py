"""An account at a foreign AWS emulator: what a test puts there, and the environment in which Stoker finds it."""

import base64
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta

import boto3
from botocore.config import Config

REGION = "us-east-1"
ISSUER = "oidc.example.com"
HANDLER = "def handler(event, context):\n    return event\n"


class Account:
    """One account of its own at ministack, so that tests share the server and nothing else. Application Auto Scaling, which
    ministack lacks, is moto's. What a test itself asks goes to `direct`, where that is another server.
    """

    def __init__(self, number, server, scaling, direct=None):
        self.number, self.server, self.scaling, self.direct = number, server, scaling, direct or server
        self._clients = {}

    @property
    def endpoints(self):
        """Variables that send every request to the emulators, and no credentials."""
        return {"AWS_ENDPOINT_URL": self.server.url, "AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING": self.scaling.url,
                "AWS_DEFAULT_REGION": REGION}

    @property
    def environment(self):
        """The endpoints, with the static keys of the account's root user."""
        return self.endpoints | {"AWS_ACCESS_KEY_ID": self.number, "AWS_SECRET_ACCESS_KEY": "test"}

    def role(self, name, allowed=("*",)):
        """The ARN of a new role that may make the `allowed` calls, and that the account and its web identities may assume."""
        federated = f"arn:aws:iam::{self.number}:oidc-provider/{ISSUER}"
        trust = [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{self.number}:root"}, "Action": "sts:AssumeRole"},
                 {"Effect": "Allow", "Principal": {"Federated": federated}, "Action": "sts:AssumeRoleWithWebIdentity"}]
        policy = [{"Effect": "Allow", "Action": list(allowed), "Resource": "*"}]
        identities = self.client("iam")
        made = identities.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": trust}))
        identities.put_role_policy(RoleName=name, PolicyName="work", PolicyDocument=json.dumps({"Statement": policy}))
        return made["Role"]["Arn"]

    def user(self, name):
        """A new user that may make any call."""
        identities = self.client("iam")
        identities.create_user(UserName=name)
        policy = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        identities.put_user_policy(UserName=name, PolicyName="work", PolicyDocument=json.dumps(policy))

    def web_identity_token(self):
        """A JSON web token as the issuer of an EKS cluster makes them; the emulator does not check its signature."""
        parts = ({"alg": "RS256", "typ": "JWT"},
                 {"iss": f"https://{ISSUER}", "aud": "sts.amazonaws.com", "exp": 4_000_000_000,
                  "sub": "system:serviceaccount:default:stoker"}, "signature")
        return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)

    def temporary_keys(self, role, seconds):
        """Credentials of a role that expire after so many seconds; AWS gives them for 900 s at least."""
        answer = self.client("sts").assume_role(RoleArn=role, RoleSessionName="test", DurationSeconds=seconds)
        return answer["Credentials"]

    def client(self, service, url=None):
        """A client with the keys of the account's root user; what it is asked is checked by the emulator alone."""
        url = url or self.direct.url
        if (service, url) not in self._clients:
            config = Config(proxies={}, parameter_validation=False)
            self._clients[service, url] = boto3.client(service, endpoint_url=url, region_name=REGION, config=config,
                                                       aws_access_key_id=self.number, aws_secret_access_key="test")
        return self._clients[service, url]

    def function(self, name, alias="live", units=3, minutes=180):
        """Create a function with an alias for version 1, and metrics that say it had `units` requests in flight in each of the
        last so many minutes.
        """
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("agent.py", HANDLER)
        functions = self.client("lambda")
        functions.create_function(FunctionName=name, Runtime="python3.12", Role=self._execution_role(),
                                  Handler="agent.handler", Code={"ZipFile": packed.getvalue()}, MemorySize=1024, Publish=True)
        functions.get_waiter("published_version_active").wait(FunctionName=name, Qualifier="1", WaiterConfig={"Delay": 1})
        functions.create_alias(FunctionName=name, Name=alias, FunctionVersion="1")
        self.traffic(name, alias, units, minutes)

    def _execution_role(self):
        """The ARN of the role that functions run as."""
        identities = self.client("iam")
        trust = [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]
        try:
            return identities.get_role(RoleName="execution")["Role"]["Arn"]
        except identities.exceptions.NoSuchEntityException:
            made = identities.create_role(RoleName="execution", AssumeRolePolicyDocument=json.dumps({"Statement": trust}))
            return made["Role"]["Arn"]

    def traffic(self, name, alias, units, minutes):
        now = datetime.now(UTC).replace(second=0, microsecond=0)
        dimensions = [{"Name": "FunctionName", "Value": name}, {"Name": "Resource", "Value": f"{name}:{alias}"}]
        instants = [now - timedelta(minutes=ago) for ago in range(minutes)]
        metrics = self.client("cloudwatch")
        for metric, value in (("Invocations", 60 * units), ("ConcurrentExecutions", units), ("Duration", 900.0)):
            points = [{"MetricName": metric, "Dimensions": dimensions, "Timestamp": at, "Value": value} for at in instants]
            metrics.put_metric_data(Namespace="AWS/Lambda", MetricData=points)

    def requested(self, name, alias="live"):
        """Units of provisioned concurrency that are asked for, 0 without a setting."""
        functions = self.client("lambda")
        try:
            answer = functions.get_provisioned_concurrency_config(FunctionName=name, Qualifier=alias)
        except functions.exceptions.ProvisionedConcurrencyConfigNotFoundException:
            return 0
        return answer["RequestedProvisionedConcurrentExecutions"]

    def scalable_target(self, name, alias="live", *, least, most):
        """Register the alias with Application Auto Scaling, as its console or Terraform does. Its emulator has one account for
        all tests, so each of them needs a name of its own.
        """
        self.client("application-autoscaling", self.scaling.url).register_scalable_target(
            ServiceNamespace="lambda", ScalableDimension="lambda:function:ProvisionedConcurrency",
            ResourceId=f"function:{name}:{alias}", MinCapacity=least, MaxCapacity=most)

    def lease_table(self, name, url=None):
        """Create the table of a lease as docs/high-availability.md says."""
        keys = (("group", "HASH"), ("item", "RANGE"))
        self.client("dynamodb", url).create_table(
            TableName=name, BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key, _ in keys])
