"""Application Auto Scaling: targets that Stoker did not register, and the scheduled fallback. It is not used as a lever."""
