"""What a policy says, checked and immutable.

How a file becomes a policy belongs in `config.loading`.
"""
