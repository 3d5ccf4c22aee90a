variable "image" {
  description = "Container image, by tag or preferably by digest."
  type        = string
}

variable "region" {
  description = "AWS region of the log group."
  type        = string
}

variable "log_group" {
  description = "Name of an existing CloudWatch log group."
  type        = string
}

variable "policy_parameter_arn" {
  description = "ARN of the SSM parameter (or Secrets Manager secret) that holds the policy file."
  type        = string
}

variable "token_secret_arn" {
  description = "ARN of the secret with the token that overrides require. Empty: overrides disabled."
  type        = string
  default     = ""
}

variable "sidecar" {
  description = "Run next to another container: the task continues when Stoker stops, HTTP is on loopback only, and cpu and memory_mb apply."
  type        = bool
  default     = false
}

variable "cpu" {
  description = "CPU units of a sidecar; 1024 units are one core."
  type        = number
  default     = 256
}

variable "memory_mb" {
  description = "Maximum memory of a sidecar in MB."
  type        = number
  default     = 512
}
