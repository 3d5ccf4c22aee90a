"""The controller: decide the warm capacity of pools, set it, and show why. One package per subject, in the layers of
pyproject.toml.

Where a line belongs: docs/architecture.md. Nothing but this file stands at the root.
"""
