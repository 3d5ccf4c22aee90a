"""Google Cloud: minimum instances of a Cloud Run service as a lever, Cloud Monitoring as a demand source."""

import os

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # the library writes to stderr by itself, between our log lines; read when loaded
