"""Reads of demand sources that bill them: when to read which part of a pool, and whether that is worth its price."""
