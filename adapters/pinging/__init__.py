"""Common parts of levers that ping: proofs, pauses, rounds and own traffic. Independent of any provider."""
