# The state on EFS: some hundred megabytes that only the daemon may access.

resource "aws_efs_file_system" "state" {
  encrypted = true
  tags      = { Name = var.name }
}

resource "aws_efs_backup_policy" "state" {
  file_system_id = aws_efs_file_system.state.id
  backup_policy {
    status = "ENABLED"
  }
}

resource "aws_efs_access_point" "state" {
  file_system_id = aws_efs_file_system.state.id

  posix_user {
    uid = 10001
    gid = 10001
  }

  root_directory {
    path = "/${var.name}"
    creation_info {
      owner_uid   = 10001
      owner_gid   = 10001
      permissions = "0700"
    }
  }
}

resource "aws_efs_mount_target" "state" {
  for_each        = toset(var.subnets)
  file_system_id  = aws_efs_file_system.state.id
  subnet_id       = each.value
  security_groups = [aws_security_group.state.id]
}

resource "aws_security_group" "daemon" {
  name_prefix = "${var.name}-"
  description = "Stoker: out to the providers, in for those who may read" # another text replaces the group
  vpc_id      = var.vpc_id

  dynamic "ingress" {
    for_each = length(var.allowed_cidrs) > 0 ? [1] : []
    content {
      description = "HTTP"
      from_port   = 8080
      to_port     = 8080
      protocol    = "tcp"
      cidr_blocks = var.allowed_cidrs
    }
  }

  egress {
    description = "Providers over TLS"
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }

  egress {
    description = "State on EFS"
    from_port   = 2049
    to_port     = 2049
    protocol    = "tcp"
    cidr_blocks = [data.aws_vpc.here.cidr_block]
  }
}

resource "aws_security_group" "state" {
  name_prefix = "${var.name}-state-"
  description = "Stoker state: NFS from the daemon only" # another text replaces the group
  vpc_id      = var.vpc_id

  ingress {
    description     = "NFS"
    from_port       = 2049
    to_port         = 2049
    protocol        = "tcp"
    security_groups = [aws_security_group.daemon.id]
  }
}

data "aws_vpc" "here" {
  id = var.vpc_id
}
