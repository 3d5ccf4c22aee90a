output "container_definitions" {
  description = "Two containers: one that writes the policy file and ends, and the daemon."
  value       = [local.policy, local.daemon]
}

output "volumes" {
  description = "Names of the volumes that the containers mount. The first holds the policy; the second the state, and wants to last."
  value       = ["stoker-policy", "stoker-state"]
}
