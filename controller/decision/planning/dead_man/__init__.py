"""Scheduled changes that the provider carries out if every daemon stops.

Writing them belongs in `controller.fleet.dead_man_switch`.
"""
