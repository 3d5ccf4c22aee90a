"""Demand sources without a provider. `adapters.recording` reads exports of other programs."""
