"""Services of the process for all adapters: clock, files, threads, rate limits, proxies. Contains no code of a provider."""
