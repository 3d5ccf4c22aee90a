"""StatsD: gauges of requests in flight that applications send as datagrams."""
