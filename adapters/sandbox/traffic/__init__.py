"""Traffic of the sandbox: recorded or generated, request by request, and the metrics that it leaves.

What serves it belongs in the packages of the services.
"""
