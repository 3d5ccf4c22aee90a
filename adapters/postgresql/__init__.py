"""PostgreSQL, and servers with its protocol, as a demand source."""
