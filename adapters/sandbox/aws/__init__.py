"""AWS as the sandbox emulates it: one package a service.

Traffic belongs in `sandbox.traffic`.
"""
