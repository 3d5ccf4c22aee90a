output "container_definitions" {
  description = "Two containers: one that writes the policy file and stops, and the daemon."
  value       = [local.policy, local.daemon]
}

output "volumes" {
  description = "Names of the volumes that the containers mount. The first holds the policy; the second holds the state and must be persistent."
  value       = ["stoker-policy", "stoker-state"]
}
