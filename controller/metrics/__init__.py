"""What Prometheus scrapes: the catalogue of its metrics, and how each is filled."""
