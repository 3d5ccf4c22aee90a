output "role_arn" {
  description = "ARN of the daemon's task role."
  value       = aws_iam_role.daemon.arn
}

output "security_group_id" {
  description = "Security group of the daemon. Allow it in the resources that the daemon must reach."
  value       = aws_security_group.daemon.id
}

output "log_group" {
  description = "Log group of the daemon."
  value       = aws_cloudwatch_log_group.log.name
}
