"""Log lines and trace spans: format, rate limit and export.

What is logged belongs in the module that logs it. Metrics of Prometheus belong in `metrics`.
"""
