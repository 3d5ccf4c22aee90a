"""Messages to sinks when a condition begins or ends.

Log lines belong to the module that logs; metrics belong in `metrics`.
"""
