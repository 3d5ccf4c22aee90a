"""Pools that `select` adds: which resources are known, and which pools follow from them."""
