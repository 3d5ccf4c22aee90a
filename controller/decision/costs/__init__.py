"""What capacity and traffic cost: prices, bills, keep-alive, and what others would run instead. Pure.

Which capacity to choose belongs in `selection`. The accounts of a running daemon belong in `accounting`.
"""
