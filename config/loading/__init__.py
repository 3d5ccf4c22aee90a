"""Loading of a policy file: returns the policy, or every problem in the file with line and column.

The content of a policy belongs in `config.model`.
"""
