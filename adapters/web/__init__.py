"""Anything that answers at a URL: pings as a lever, and a page of counters as a demand source."""
