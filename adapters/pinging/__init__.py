"""Common parts of levers that ping: rounds, pauses, proof of warm units, and own traffic. Independent of any provider."""
