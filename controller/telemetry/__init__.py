"""Log lines and trace spans: how they are written, limited and sent.

What is logged belongs in the module that logs it. Metrics of Prometheus belong in `metrics`.
"""
