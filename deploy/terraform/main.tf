# One daemon as an ECS service on Fargate, with its state on EFS. The state has one writer: a deployment stops the old task
# before it starts the new one.

data "aws_region" "here" {}
data "aws_caller_identity" "us" {}

locals {
  policy_arn = var.policy_secret_arn != "" ? var.policy_secret_arn : aws_ssm_parameter.policy[0].arn
  secrets    = compact([var.policy_secret_arn, var.token_secret_arn])
}

module "container" {
  source               = "./container"
  image                = var.image
  region               = data.aws_region.here.id
  log_group            = aws_cloudwatch_log_group.log.name
  policy_parameter_arn = local.policy_arn
  token_secret_arn     = var.token_secret_arn
}

resource "aws_ssm_parameter" "policy" {
  count = var.policy_secret_arn == "" ? 1 : 0
  name  = "/${var.name}/policy"
  type  = "String"
  tier  = "Intelligent-Tiering"
  value = var.policy
}

resource "aws_cloudwatch_log_group" "log" {
  name              = "/${var.name}"
  retention_in_days = var.log_days
}

resource "aws_ecs_task_definition" "stoker" {
  family                   = var.name
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  cpu                      = var.cpu
  memory                   = var.memory_mb
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.daemon.arn
  container_definitions    = jsonencode(module.container.container_definitions)

  runtime_platform {
    cpu_architecture        = var.architecture
    operating_system_family = "LINUX"
  }

  volume {
    name = module.container.volumes[0]
  }

  volume {
    name = module.container.volumes[1]
    efs_volume_configuration {
      file_system_id     = aws_efs_file_system.state.id
      transit_encryption = "ENABLED"
      authorization_config {
        access_point_id = aws_efs_access_point.state.id
        iam             = "ENABLED"
      }
    }
  }
}

resource "aws_ecs_service" "stoker" {
  name                               = var.name
  cluster                            = var.cluster
  task_definition                    = aws_ecs_task_definition.stoker.arn
  launch_type                        = "FARGATE"
  desired_count                      = 1
  deployment_minimum_healthy_percent = 0
  deployment_maximum_percent         = 100
  depends_on                         = [aws_efs_mount_target.state]

  network_configuration {
    subnets         = var.subnets
    security_groups = [aws_security_group.daemon.id]
  }

  # A changed policy restarts the daemon.
  triggers             = { policy = sha256(var.policy) }
  force_new_deployment = true
}
