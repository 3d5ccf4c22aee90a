# ECS container definitions only: this module needs no provider.
# For a sidecar, use this module alone and pass its outputs to your own task definition.

locals {
  logging = { for name in ["policy", "stoker"] : name => {
    logDriver = "awslogs"
    options = {
      awslogs-group         = var.log_group
      awslogs-region        = var.region
      awslogs-stream-prefix = name
    }
  } }

  confined = {
    image                  = var.image
    user                   = "10001:10001"
    readonlyRootFilesystem = true
    linuxParameters        = { initProcessEnabled = true, capabilities = { drop = ["ALL"] } }
  }

  # ECS cannot mount a file: this container writes the policy from its parameter before the daemon starts, then stops.
  policy = merge(local.confined, {
    name             = "stoker-policy"
    essential        = false
    entryPoint       = ["python", "-c"]
    command          = ["import os; open('/etc/stoker/policy.yaml', 'w').write(os.environ['STOKER_POLICY_TEXT'])"]
    secrets          = [{ name = "STOKER_POLICY_TEXT", valueFrom = var.policy_parameter_arn }]
    mountPoints      = [{ sourceVolume = "stoker-policy", containerPath = "/etc/stoker", readOnly = false }]
    logConfiguration = local.logging["policy"]
  })

  daemon = merge(local.confined, {
    name        = "stoker"
    essential   = !var.sidecar
    command     = ["run", "--policy", "/etc/stoker/policy.yaml", "--host", var.sidecar ? "127.0.0.1" : "0.0.0.0"]
    stopTimeout = 30
    secrets     = var.token_secret_arn == "" ? [] : [{ name = "STOKER_TOKEN", valueFrom = var.token_secret_arn }]
    mountPoints = [
      { sourceVolume = "stoker-policy", containerPath = "/etc/stoker", readOnly = true },
      { sourceVolume = "stoker-state", containerPath = "/var/lib/stoker", readOnly = false },
    ]
    dependsOn    = [{ containerName = "stoker-policy", condition = "SUCCESS" }]
    portMappings = var.sidecar ? [] : [{ containerPort = 8080, protocol = "tcp" }]
    healthCheck = {
      command     = ["CMD", "python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
      interval    = 30
      timeout     = 5
      retries     = 3
      startPeriod = 60
    }
    ulimits          = [{ name = "nofile", softLimit = 65536, hardLimit = 65536 }]
    logConfiguration = local.logging["stoker"]
  }, { for limit, most in { cpu = var.cpu, memory = var.memory_mb } : limit => most if var.sidecar })
}
