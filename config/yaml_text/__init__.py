"""YAML text as plain values with their line and column, and the faults of a text that is not valid YAML.

The meaning of the values belongs in `config.loading`.
"""
