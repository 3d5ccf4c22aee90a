"""An emulator of Google Cloud: Cloud Run services and their metrics, at the wire, under the sandbox's clock and traffic."""
