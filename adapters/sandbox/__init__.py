"""Providers emulated at the wire, with real cold starts: what the tests, the demo and newcomers without an account run against.

sandbox = Sandbox(clock, seed=7)
sandbox.add_function("support-agent", history=series)
async with SandboxServer(sandbox) as server:
boto3.client("lambda", endpoint_url=server.url, region_name="us-east-1", **sandbox.credentials.for_boto3)
"""
