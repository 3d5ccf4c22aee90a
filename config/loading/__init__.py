"""From a policy file to a policy, or to every problem in it with file, line and column.

What a policy says belongs in `config.model`.
"""
