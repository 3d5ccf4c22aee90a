"""What to look for in templates, by the kind of lever that sets the same number, with the remedy."""

import re
from typing import NamedTuple

TERRAFORM, MARKUP = (".tf", ".tf.json"), (".yaml", ".yml", ".json", ".template")
CODE = (".ts", ".js", ".mjs", ".py", ".go", ".java", ".cs")
SCRIPTS = (".sh", ".yml", ".yaml", "makefile", ".mk", "dockerfile")
PROVISIONED, MINIMUM = "lambda-provisioned-concurrency", "cloud-run-min-instances"


class Rule(NamedTuple):
    """`lever`: the kind whose number it is. `files`: endings of names in lower case. `found`: what sets the number.

    `allowed`: what makes that harmless, within the same block or the next lines.
    """

    lever: str
    tool: str
    files: tuple[str, ...]
    found: re.Pattern[str]
    allowed: re.Pattern[str] | None
    remedy: str


def _rule(lever: str, tool: str, files: tuple[str, ...], found: str, allowed: str | None, remedy: str) -> Rule:
    return Rule(lever, tool, files, re.compile(found), None if allowed is None else re.compile(allowed, re.DOTALL), remedy)


SCALER = "remove this autoscaler of the alias: Stoker holds while one exists"
RULES = (
    _rule(PROVISIONED, "Terraform", TERRAFORM, r'resource\s+"aws_lambda_provisioned_concurrency_config"',
          r"ignore_changes\s*=\s*(?:all\b|\[[^\]]*provisioned_concurrent_executions)",
          "add lifecycle { ignore_changes = [provisioned_concurrent_executions] }, and keep_setting: true to the pool"),
    _rule(MINIMUM, "Terraform", TERRAFORM, r"^\s*min_instance_count\s*=",
          r"ignore_changes\s*=\s*(?:all\b|\[[^\]]*(?:min_instance_count|scaling))",
          "omit it, or add lifecycle { ignore_changes = [scaling[0].min_instance_count] }"),
    _rule(PROVISIONED, "CloudFormation or SAM", MARKUP, r"\bProvisionedConcurrencyConfig\b", None,
          "omit it, or set min: 1 or keep_setting: true, and on_foreign_write: reassert on the pool"),
    _rule(PROVISIONED, "Application Auto Scaling", (*MARKUP, *TERRAFORM, *CODE), r"lambda:function:ProvisionedConcurrency",
          None, SCALER),
    _rule(PROVISIONED, "Serverless Framework", (".yml", ".yaml", ".ts", ".js"), r"^\s*[\"']?provisionedConcurrency[\"']?\s*:",
          None, "set it to 1, with keep_setting: true and on_foreign_write: reassert on the pool"),
    _rule(PROVISIONED, "CDK", CODE, r"\bprovisioned_?[cC]oncurrent_?[eE]xecutions\b",
          r"ignore_?[cC]hanges\W+[^\]]*provisioned_?[cC]oncurrent_?[eE]xecutions",
          "omit it; in Pulumi add ignoreChanges: [\"provisionedConcurrentExecutions\"], and keep_setting: true to the pool"),
    _rule(PROVISIONED, "CDK", CODE, r"\b(?:alias|live)\w*\.add_?[aA]uto_?[sS]caling\(", None, SCALER),
    _rule(MINIMUM, "Pulumi", CODE, r"\bmin_?[iI]nstance_?[cC]ount\b",
          r"ignore_?[cC]hanges\W+[^\]]*(?:min_?[iI]nstance_?[cC]ount|scaling)",
          "omit it, or add ignoreChanges: [\"scaling.minInstanceCount\"]"),
    _rule(PROVISIONED, "Argo CD or Flux", (".yaml", ".yml"), r"^\s*provisionedConcurren(?:cyConfig|tExecutions)\s*:|"
          r"^kind:\s*ProvisionedConcurrencyConfig\b", None,
          "omit it: the operator that applies the manifest sets it again at each sync"),
    _rule(MINIMUM, "a manifest", (".yaml", ".yml", ".json"), r"(?:autoscaling\.knative\.dev|run\.googleapis\.com)/minScale|"
          r"^\s*minInstanceCount\s*:", None, "omit it: each apply of the manifest sets it again"),
    _rule(MINIMUM, "gcloud", SCRIPTS, r"gcloud\b.*\brun\b.*\s--min(?:-instances)?\b|^\s*--min(?:-instances)?[= ]\d", None,
          "pass neither --min nor --min-instances"),
    _rule(PROVISIONED, "the AWS CLI", SCRIPTS, r"(?:put|delete)-provisioned-concurrency-config", None, "remove this command"),
)
