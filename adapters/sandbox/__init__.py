"""Emulators of cloud providers at the wire, with cold starts and keep-alive, for tests, the demo and users without an account.

sandbox = Sandbox(clock, seed=7)
sandbox.add_function("support-agent", history=series)
async with SandboxServer(sandbox) as server:
boto3.client("lambda", endpoint_url=server.url, region_name="us-east-1", **sandbox.credentials.for_boto3)
"""
