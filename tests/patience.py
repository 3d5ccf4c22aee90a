"""How long tests wait for what must come."""

PATIENCE_SECONDS = 600
"""Only a net below a test that would hang for good: what a test waits for comes long before, on any machine, and no test is about
this span. A test waits for a condition, never for time to pass.
"""
