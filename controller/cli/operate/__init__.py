"""Commands for a running or stopped daemon.

Modules here contain only options and output.
"""
