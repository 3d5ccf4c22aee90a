"""What the daemon answers over HTTP: health, status, metrics, pools and decisions. Reads only; see docs/http.md."""
