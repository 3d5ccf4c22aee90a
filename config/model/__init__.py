"""Models of a policy, validated and immutable.

Reading a policy from a file belongs in `config.loading`.
"""
