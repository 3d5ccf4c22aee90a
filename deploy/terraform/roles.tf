# Two roles: ECS starts the task with the execution role, and the daemon runs with the task role. They share no permissions.

data "aws_iam_policy_document" "tasks" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.us.account_id]
    }
  }
}

resource "aws_iam_role" "daemon" {
  name_prefix        = "${var.name}-"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

resource "aws_iam_policy" "daemon" {
  count       = length(var.iam_policies)
  name_prefix = "${var.name}-"
  policy      = var.iam_policies[count.index]
}

resource "aws_iam_role_policy_attachment" "daemon" {
  count      = length(var.iam_policies)
  role       = aws_iam_role.daemon.name
  policy_arn = aws_iam_policy.daemon[count.index].arn
}

data "aws_iam_policy_document" "state" {
  statement {
    actions   = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
    resources = [aws_efs_file_system.state.arn]
    condition {
      test     = "StringEquals"
      variable = "elasticfilesystem:AccessPointArn"
      values   = [aws_efs_access_point.state.arn]
    }
  }
}

resource "aws_iam_role_policy" "state" {
  name   = "state"
  role   = aws_iam_role.daemon.name
  policy = data.aws_iam_policy_document.state.json
}

resource "aws_iam_role" "execution" {
  name_prefix        = "${var.name}-execution-"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

data "aws_iam_policy_document" "execution" {
  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.log.arn}:*"]
  }

  statement {
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = ["arn:aws:ecr:*:${data.aws_caller_identity.us.account_id}:repository/*"]
  }

  dynamic "statement" {
    for_each = aws_ssm_parameter.policy
    content {
      actions   = ["ssm:GetParameters"]
      resources = [statement.value.arn]
    }
  }

  dynamic "statement" {
    for_each = length(local.secrets) > 0 ? [1] : []
    content {
      actions   = ["secretsmanager:GetSecretValue"]
      resources = local.secrets
    }
  }
}

resource "aws_iam_role_policy" "execution" {
  name   = "begin"
  role   = aws_iam_role.execution.name
  policy = data.aws_iam_policy_document.execution.json
}
