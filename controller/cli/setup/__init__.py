"""Commands before a daemon runs: discover, doctor, iam, plan, schema, validate.

Modules here contain only options and output; their work belongs in `preflight` and `config`.
"""
