output "role_arn" {
  description = "The identity that the daemon works with."
  value       = aws_iam_role.daemon.arn
}

output "security_group_id" {
  description = "Of the daemon: let it into what must be reached."
  value       = aws_security_group.daemon.id
}

output "log_group" {
  description = "Where the daemon's log goes."
  value       = aws_cloudwatch_log_group.log.name
}
