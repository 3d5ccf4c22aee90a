"""What every lever that pings has in common: proofs, pace, rounds and the account of its own traffic. Knows no provider."""
