"""Commands for a daemon that runs, or that has stopped.

Here are options and output alone.
"""
