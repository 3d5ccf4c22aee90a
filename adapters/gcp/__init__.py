"""Google Cloud: minimum instances of a Cloud Run service as a lever, Cloud Monitoring as a demand source."""
