"""YAML text as plain values that know their line and column, and what is wrong with a text that is not YAML.

What the values mean belongs in `config.loading`.
"""
