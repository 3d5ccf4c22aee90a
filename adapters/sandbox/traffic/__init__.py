"""Traffic of the sandbox: recorded or generated, request by request, and its metrics.

The units that serve it belong in the packages of the services.
"""
