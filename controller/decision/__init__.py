"""Decide the warm capacity of a pool: events > planning > selection > costs. Pure.

No clock, disk, network or asyncio. What reads demand belongs in `demand`; what writes capacity belongs in `fleet`.
"""
