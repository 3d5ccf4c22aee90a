"""ECS by hand, by Terraform and by CloudFormation: the same two containers, each way by its own schema or linter."""

import json
import re
import subprocess
from string import Template

import botocore.session
import yaml
from botocore.validate import ParamValidator

from tests.deploy.folder import CLOSES_WITHIN, DEPLOY, clean, is_a_command, tool, writes_the_policy
from tests.patience import PATIENCE_SECONDS

FILLED = {"ACCOUNT": "123456789012", "REGION": "eu-west-1", "IMAGE": "registry.example/stoker:1",
          "FILE_SYSTEM": "fs-0123456789abcdef0", "ACCESS_POINT": "fsap-0123456789abcdef0"}
WRAPPER = """
module "stoker" {
  source               = "%s"
  image                = "registry.example/stoker:1"
  region               = "eu-west-1"
  log_group            = "/stoker"
  policy_parameter_arn = "arn:aws:ssm:eu-west-1:123456789012:parameter/stoker/policy"
  token_secret_arn     = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:stoker/token"
  sidecar              = %s
}
output "made" {
  value = module.stoker
}
"""


def by_hand():
    return json.loads(Template((DEPLOY / "ecs" / "task-definition.json").read_text()).substitute(FILLED))


def by_terraform(folder, sidecar=False):
    """What the module for containers comes to: it needs no provider, so Terraform itself works it out."""
    folder.mkdir()
    (folder / "main.tf").write_text(WRAPPER % (DEPLOY / "terraform" / "container", json.dumps(sidecar)))
    terraform = [tool("terraform"), f"-chdir={folder}"]
    for command in (["init", "-input=false"], ["apply", "-auto-approve", "-input=false"]):
        told = subprocess.run([*terraform, *command], capture_output=True, text=True, timeout=PATIENCE_SECONDS)
        assert told.returncode == 0, told.stdout + told.stderr
    out = subprocess.run([*terraform, "output", "-json"], capture_output=True, text=True,
                         timeout=PATIENCE_SECONDS, check=True).stdout
    return json.loads(out)["made"]["value"]


class Loader(yaml.SafeLoader):
    """CloudFormation's short forms are kept by their tag."""


Loader.add_multi_constructor("!", lambda loader, tag, node: {
    tag: loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else loader.construct_sequence(node, deep=True)})


def template():
    return yaml.load((DEPLOY / "cloudformation" / "stoker.yaml").read_text(), Loader)  # noqa: S506  (derives from the safe one)


def by_cloudformation():
    return template()["Resources"]["Task"]["Properties"]["ContainerDefinitions"]


def lowered(value):
    """CloudFormation's names as the API has them."""
    if isinstance(value, dict):
        return {name[0].lower() + name[1:]: lowered(inner) for name, inner in value.items()}
    return [lowered(inner) for inner in value] if isinstance(value, list) else value


def refused(task):
    """What botocore's own model of the call has against it."""
    model = botocore.session.get_session().get_service_model("ecs").operation_model("RegisterTaskDefinition")
    return ParamValidator().validate(task, model.input_shape).generate_report()


def facts(containers):
    """What must be the same in all three, references to other resources aside."""
    told = {name: [each.get(name) for each in containers] for name in (
        "name", "essential", "user", "readonlyRootFilesystem", "entryPoint", "command", "mountPoints", "stopTimeout", "ulimits",
        "dependsOn", "portMappings", "healthCheck", "linuxParameters")}
    return json.loads(json.dumps(told))


def test_the_task_definition_matches_the_model_of_the_api_call():
    assert refused(by_hand()) == ""
    assert "Unknown parameter" in refused(by_hand() | {"memorys": "1"})


def test_terraform_cloudformation_and_ecs_define_the_same_containers(tmp_path):
    hand = by_hand()["containerDefinitions"]

    assert lowered(facts(lowered(by_cloudformation()))) == facts(hand)
    assert facts(by_terraform(tmp_path / "terraform")["container_definitions"]) == facts(hand)
    assert by_terraform(tmp_path / "again")["container_definitions"][1]["secrets"] == hand[1]["secrets"]


def test_terraform_containers_fit_into_a_task_as_sidecars(tmp_path):
    made = by_terraform(tmp_path / "sidecar", sidecar=True)
    ours = made["container_definitions"]
    task = {"family": "agent", "containerDefinitions": [{"name": "agent", "image": "agent"}, *ours],
            "volumes": [{"name": name} for name in made["volumes"]]}

    assert refused(task) == ""
    assert [each["essential"] for each in ours] == [False, False]
    assert is_a_command(ours[1]["command"])["host"] == "127.0.0.1"
    assert ours[1]["portMappings"] == []
    assert ours[1]["memory"] > 0
    assert {mount["sourceVolume"] for each in ours for mount in each["mountPoints"]} == set(made["volumes"])


def test_the_daemon_has_time_to_shut_down_and_no_other_privilege():
    policy, daemon = by_hand()["containerDefinitions"]

    assert daemon["stopTimeout"] > CLOSES_WITHIN.total_seconds()
    assert all(each["readonlyRootFilesystem"] and each["user"] == "10001:10001" for each in (policy, daemon))
    assert all(each["linuxParameters"]["capabilities"]["drop"] == ["ALL"] for each in (policy, daemon))
    assert "/healthz" in daemon["healthCheck"]["command"][-1]
    assert [mount["readOnly"] for mount in daemon["mountPoints"]] == [True, False]
    assert not any("environment" in each for each in (policy, daemon)), "secrets come from the platform's store"


def test_containers_run_commands_of_stoker_and_mount_the_policy_where_it_is_read(tmp_path):
    policy, daemon = by_hand()["containerDefinitions"]

    assert str(is_a_command(daemon["command"])["policy_path"]) == "/etc/stoker/policy.yaml"
    assert writes_the_policy(policy["command"][0], tmp_path)


def test_the_old_task_stops_before_the_new_one_starts_in_both_tools():
    service = template()["Resources"]["Service"]["Properties"]
    text = (DEPLOY / "terraform" / "main.tf").read_text()

    assert service["DesiredCount"] == 1
    assert service["DeploymentConfiguration"] == {"MinimumHealthyPercent": 0, "MaximumPercent": 100}
    assert [re.search(rf"{name}\s+= (\d+)", text)[1] for name in (
        "desired_count", "deployment_minimum_healthy_percent", "deployment_maximum_percent")] == ["1", "0", "100"]


def test_roles_take_printed_policies_and_name_no_action_of_a_lever():
    texts = [(DEPLOY / "terraform" / "roles.tf").read_text(), (DEPLOY / "cloudformation" / "stoker.yaml").read_text()]

    assert not [text for text in texts if re.search(r"\b(lambda|cloudwatch|application-autoscaling):\w+", text)]
    assert "var.iam_policies" in texts[0]
    assert "!Ref GrantArns" in texts[1]


def test_terraform_is_formatted():
    clean("terraform", "fmt", "-check", "-diff", "-recursive", DEPLOY / "terraform")
