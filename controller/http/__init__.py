"""HTTP API of the daemon: health, status, metrics, pools, decisions and overrides; see docs/http.md."""
