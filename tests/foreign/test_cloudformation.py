"""The CloudFormation template, deployed by a CloudFormation that this project did not write, and read by AWS's own linter."""

import subprocess

from tests.deploy.folder import DEPLOY
from tests.foreign import servers
from tests.patience import PATIENCE_SECONDS

TEMPLATE = DEPLOY / "cloudformation" / "stoker.yaml"


def network_of(account):
    """A network with a subnet in each of two zones, as the template wants them."""
    networks = account.client("ec2")
    vpc = networks.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [networks.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=zone)["Subnet"]["SubnetId"]
               for block, zone in (("10.0.1.0/24", "us-east-1a"), ("10.0.2.0/24", "us-east-1b"))]
    return {"Vpc": vpc, "VpcCidr": "10.0.0.0/16", "SubnetA": subnets[0], "SubnetB": subnets[1]}


def test_every_resource_of_the_template_is_created_and_the_service_has_its_containers(account):
    stacks, containers = account.client("cloudformation"), account.client("ecs")
    containers.create_cluster(clusterName="stoker")
    given = network_of(account) | {"Image": "registry.example/stoker:1", "Cluster": "stoker",
                                   "GrantArns": f"arn:aws:iam::{account.number}:policy/stoker"}
    stacks.create_stack(StackName="stoker", TemplateBody=TEMPLATE.read_text(), Capabilities=["CAPABILITY_IAM"],
                        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()])
    stacks.get_waiter("stack_create_complete").wait(StackName="stoker", WaiterConfig={"Delay": 1})
    resources = stacks.describe_stack_resources(StackName="stoker")["StackResources"]

    assert {each["ResourceStatus"] for each in resources} == {"CREATE_COMPLETE"}
    assert len(resources) == 11
    listed = containers.list_services(cluster="stoker")["serviceArns"]
    [service] = containers.describe_services(cluster="stoker", services=listed)["services"]
    assert service["desiredCount"] == 1
    task = containers.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    assert [each["name"] for each in task["containerDefinitions"]] == ["stoker-policy", "stoker"]


def test_the_linter_of_aws_finds_nothing_in_the_template():
    servers.need("cfn-lint")
    found = subprocess.run([servers.ENVIRONMENT / "bin" / "cfn-lint", TEMPLATE], capture_output=True, text=True,
                           timeout=PATIENCE_SECONDS)

    assert (found.returncode, found.stdout) == (0, "")
