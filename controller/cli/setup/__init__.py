"""Commands before a daemon runs: discover, doctor, iam, plan, schema, validate.

What they do belongs in `preflight` and `config`; here are options and output.
"""
