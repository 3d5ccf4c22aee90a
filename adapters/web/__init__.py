"""Services at a URL, on any platform: pings as a lever, and a page of counters as a demand source."""
