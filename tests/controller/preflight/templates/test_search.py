"""Templates that set a number which Stoker sets are found, with line and remedy, and others are not."""

import pytest
from click.testing import CliRunner

from controller.cli import main
from controller.preflight.templates.rules import MINIMUM, PROVISIONED
from controller.preflight.templates.search import conflicts
from tests.e2e.daemons import policy_text

RESOURCE = """resource "aws_lambda_provisioned_concurrency_config" "agent" {
  function_name                     = aws_lambda_function.agent.function_name
  provisioned_concurrent_executions = 5
%s}
"""
SERVICE = """resource "google_cloud_run_v2_service" "chat" {
  name = "%s"
  scaling {
    min_instance_count = 2
  }
%s}
"""
IGNORE = "  lifecycle { ignore_changes = [%s] }\n"
FOUND = [
    ("main.tf", RESOURCE % "", PROVISIONED, 1, "ignore_changes = [provisioned_concurrent_executions]"),
    ("main.tf", SERVICE % ("chat", ""), MINIMUM, 4, "scaling[0].min_instance_count"),
    ("stack.yaml", "Resources:\n  Live:\n    Properties:\n      ProvisionedConcurrencyConfig:\n", PROVISIONED, 4, "omit it"),
    ("stack.json", '{"ScalableDimension": "lambda:function:ProvisionedConcurrency"}', PROVISIONED, 1, "remove this autoscaler"),
    ("serverless.yml", "functions:\n  chat:\n    provisionedConcurrency: 5\n", PROVISIONED, 3, "keep_setting: true"),
    ("stack.ts", "new lambda.Alias(this, 'Live', {\n  provisionedConcurrentExecutions: 5,\n});\n", PROVISIONED, 2, "omit it"),
    ("stack.py", "alias = Alias(self, 'Live',\n    provisioned_concurrent_executions=5)\n", PROVISIONED, 2, "omit it"),
    ("stack.ts", "const s = liveAlias.addAutoScaling({ maxCapacity: 9 });\n", PROVISIONED, 1, "remove this autoscaler"),
    ("index.ts", "new gcp.cloudrunv2.Service('chat', {\n  scaling: { minInstanceCount: 2 },\n});\n", MINIMUM, 2, "ignoreChanges"),
    ("alias.yaml", "kind: Alias\nspec:\n  provisionedConcurrencyConfig:\n", PROVISIONED, 3, "at each sync"),
    ("service.yaml", "metadata:\n  annotations:\n    run.googleapis.com/minScale: '2'\n", MINIMUM, 3, "each apply"),
    ("deploy.sh", "gcloud run deploy chat --image x --min-instances 2\n", MINIMUM, 1, "neither --min nor"),
    ("release.yml", "run: aws lambda put-provisioned-concurrency-config --function-name chat\n", PROVISIONED, 1, "remove"),
]


@pytest.mark.parametrize(("name", "text", "lever", "line", "remedy"), FOUND)
def test_a_number_that_stoker_sets_is_found(tmp_path, name, text, lever, line, remedy):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / name).write_text(text)
    (problem,) = conflicts(tmp_path, [lever], ["chat"])

    assert (problem.file, problem.line) == (str(tmp_path / "deep" / name), line)
    assert remedy in problem.message
    assert list(conflicts(tmp_path, ["http-ping"], ["chat"])) == []


@pytest.mark.parametrize(("name", "text"), [
    ("main.tf", RESOURCE % (IGNORE % "provisioned_concurrent_executions")),
    ("main.tf", RESOURCE % "  lifecycle { ignore_changes = all }\n"),
    ("main.tf", RESOURCE.replace("aws_lambda_function.agent.function_name", '"other"') % ""),
    ("main.tf", SERVICE % ("chat", IGNORE % "scaling[0].min_instance_count")),
    ("main.tf", SERVICE % ("other", "")),
    ("main.tf", "# stoker: ignore\n" + RESOURCE % ""),
    ("main.tf", 'resource "aws_lambda_function" "agent" {\n  function_name = "agent"\n}\n'),
    ("index.ts", ("new aws.lambda.ProvisionedConcurrencyConfig('a', {\n  provisionedConcurrentExecutions: 1,\n}, "
                 "{ ignoreChanges: ['provisionedConcurrentExecutions'] });\n")),
    ("stack.ts", "// provisionedConcurrentExecutions: 5\n"),
    ("notes.md", "provisionedConcurrency: 5\n"),
    ("serverless.yml", "provisionedConcurrency: 1 # stoker: ignore\n"),
    ("deploy.sh", "gcloud run deploy chat --image x --max-instances 9\n"),
])
def test_what_is_ignored_or_of_another_resource_is_not_reported(tmp_path, name, text):
    (tmp_path / name).write_text(text)

    assert list(conflicts(tmp_path, [PROVISIONED, MINIMUM], ["agent", "chat"])) == []


def test_an_exception_in_one_block_does_not_cover_the_next(tmp_path):
    (tmp_path / "main.tf").write_text(RESOURCE % "" + RESOURCE % (IGNORE % "provisioned_concurrent_executions") + RESOURCE % "")

    assert [problem.line for problem in conflicts(tmp_path, [PROVISIONED], ["agent"])] == [1, 10]


def test_generated_and_hidden_folders_are_not_searched(tmp_path):
    for folder in ("node_modules", ".terraform", "cdk.out"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "main.tf").write_text(RESOURCE % "")

    assert list(conflicts(tmp_path, [PROVISIONED], ["agent"])) == []


def test_the_command_prints_each_place_and_ends_with_2(tmp_path):
    (tmp_path / "policy.yaml").write_text(policy_text("agent"))
    (tmp_path / "iac").mkdir()
    arguments = ["validate", str(tmp_path / "policy.yaml"), "--templates", str(tmp_path / "iac")]
    clean = CliRunner().invoke(main, arguments)
    (tmp_path / "iac" / "main.tf").write_text(RESOURCE % "")
    found = CliRunner().invoke(main, arguments)

    assert clean.exit_code == 0, clean.output
    assert found.exit_code == 2
    assert f"{tmp_path}/iac/main.tf:1:1 Terraform sets a number that Stoker also sets: add lifecycle" in found.stderr
