"""Emulator of AWS: one package per service.

Traffic belongs in `sandbox.traffic`.
"""
