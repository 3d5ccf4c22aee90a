"""Forecasts for people and for the planned capacity of the next hours, made in worker processes.

The models belong in `forecasting`; what decides belongs in `decision`.
"""
