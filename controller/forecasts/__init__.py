"""Forecasts for display and the planned capacity of the next hours, made in worker processes.

The models belong in `forecasting`, decisions in `controller.decision`.
"""
