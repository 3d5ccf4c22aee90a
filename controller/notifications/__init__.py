"""Messages to sinks when a condition starts or ends.

Log lines belong to the module that logs; metrics belong in `controller.metrics`.
"""
