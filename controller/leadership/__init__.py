"""Which of several daemons may write: the lease, the term of a leader, and what it leaves to the next.

Handing the pools over in a running daemon belongs in `daemon`.
"""
