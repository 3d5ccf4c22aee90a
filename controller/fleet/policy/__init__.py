"""The policy of a running fleet: the one in use, and its exchange for another one."""
