"""Emulator of Google Cloud at the wire: Cloud Run services and their metrics, with the clock and traffic of the sandbox."""
