variable "daemon_principal" {
  description = "ARN of the daemon's own role, which may assume this role: the output role_arn of the module for the daemon."
  type        = string
}

variable "external_id" {
  description = "The external ID of the policy's credentials."
  type        = string
  validation {
    condition     = length(var.external_id) >= 2
    error_message = "An external ID has at least 2 characters."
  }
}

variable "role_name" {
  description = "Name of the role, as in role_arn of the policy's credentials."
  type        = string
  default     = "stoker"
}

variable "iam_policies" {
  description = "Permissions: the documents of this role in identities of `stoker iam policy.yaml -o json`, each as text."
  type        = list(string)
}
