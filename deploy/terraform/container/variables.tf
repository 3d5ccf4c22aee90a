variable "image" {
  description = "The image, by tag or better by digest."
  type        = string
}

variable "region" {
  description = "Where the logs go."
  type        = string
}

variable "log_group" {
  description = "An existing log group of CloudWatch."
  type        = string
}

variable "policy_parameter_arn" {
  description = "ARN of the SSM parameter (or Secrets Manager secret) that holds the policy file."
  type        = string
}

variable "token_secret_arn" {
  description = "ARN of the secret with the token of whoever may steer pools. Empty: nobody may."
  type        = string
  default     = ""
}

variable "sidecar" {
  description = "Beside another container: it does not end the task when it ends, answers on the loopback only, and has limits of its own."
  type        = bool
  default     = false
}

variable "cpu" {
  description = "Processor shares of a sidecar; 1024 are a core."
  type        = number
  default     = 256
}

variable "memory_mb" {
  description = "The most memory that a sidecar may take."
  type        = number
  default     = 512
}
