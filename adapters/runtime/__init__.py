"""What every adapter needs of the process: clock, files, threads, rate limits, proxies.

What a provider answers belongs in its package.
"""
