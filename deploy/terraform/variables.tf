variable "name" {
  description = "Of the service and all that belongs to it."
  type        = string
  default     = "stoker"
}

variable "image" {
  description = "The image, by tag or better by digest."
  type        = string
}

variable "policy" {
  description = "The policy file's text: file(\"policy.yaml\"). At most 8 KB; more belongs into a secret, see policy_secret_arn."
  type        = string
  default     = ""
}

variable "policy_secret_arn" {
  description = "ARN of a secret that holds the policy file instead (64 KB)."
  type        = string
  default     = ""
}

variable "iam_policies" {
  description = "What the daemon may do: the documents that `stoker iam policy.yaml --provider aws --json` prints, each as text."
  type        = list(string)
}

variable "token_secret_arn" {
  description = "ARN of the secret with the token of whoever may steer pools. Empty: nobody may."
  type        = string
  default     = ""
}

variable "cluster" {
  description = "Name or ARN of the ECS cluster."
  type        = string
}

variable "vpc_id" {
  description = "The network of the subnets."
  type        = string
}

variable "subnets" {
  description = "Private subnets with a way to AWS's endpoints; the state's file system has a door in each, so no two in one zone."
  type        = list(string)
}

variable "allowed_cidrs" {
  description = "Who may reach the daemon's HTTP. Whoever can may read; steering needs the token."
  type        = list(string)
  default     = []
}

variable "cpu" {
  description = "Of the task; 1024 are a core."
  type        = number
  default     = 512
}

variable "memory_mb" {
  description = "Of the task. 1024 serves some hundred pools; 2048 a few thousand."
  type        = number
  default     = 1024
}

variable "architecture" {
  description = "X86_64 or ARM64."
  type        = string
  default     = "X86_64"
}

variable "log_days" {
  description = "How long the log is kept."
  type        = number
  default     = 30
}
