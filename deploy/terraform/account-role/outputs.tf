output "role_arn" {
  description = "role_arn of the policy's credentials."
  value       = aws_iam_role.stoker.arn
}
