variable "name" {
  description = "Name of the service, and prefix of the names of its resources."
  type        = string
  default     = "stoker"
}

variable "image" {
  description = "Container image, by tag or preferably by digest."
  type        = string
}

variable "policy" {
  description = "Text of the policy file: file(\"policy.yaml\"). At most 8 KB; for a larger file, use policy_secret_arn."
  type        = string
  default     = ""
}

variable "policy_secret_arn" {
  description = "ARN of a secret that holds the policy file (at most 64 KB), instead of policy."
  type        = string
  default     = ""
}

variable "iam_policies" {
  description = "Permissions of the daemon: the documents that `stoker iam policy.yaml --provider aws -o json` prints, each as text."
  type        = list(string)
}

variable "token_secret_arn" {
  description = "ARN of the secret with the token that overrides require. Empty: overrides disabled."
  type        = string
  default     = ""
}

variable "cluster" {
  description = "Name or ARN of the ECS cluster."
  type        = string
}

variable "vpc_id" {
  description = "ID of the VPC of the subnets."
  type        = string
}

variable "subnets" {
  description = "Private subnets with a route to the AWS endpoints. Each gets an EFS mount target, so at most one per availability zone."
  type        = list(string)
}

variable "allowed_cidrs" {
  description = "CIDR blocks that may reach the daemon's HTTP port. Reads need no token; overrides do."
  type        = list(string)
  default     = []
}

variable "cpu" {
  description = "CPU units of the task; 1024 units are one core."
  type        = number
  default     = 512
}

variable "memory_mb" {
  description = "Memory of the task in MB. 1024 is enough for some hundred pools, 2048 for a few thousand."
  type        = number
  default     = 1024
}

variable "architecture" {
  description = "CPU architecture: X86_64 or ARM64."
  type        = string
  default     = "X86_64"
}

variable "log_days" {
  description = "Retention of the log in days."
  type        = number
  default     = 30
}
