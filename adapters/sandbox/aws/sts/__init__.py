"""Emulator of AWS STS and IAM: identity and permissions of callers."""
