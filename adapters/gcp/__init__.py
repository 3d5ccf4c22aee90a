"""Google Cloud: minimum instances of a Cloud Run service as a lever, Cloud Monitoring as a demand source."""

import logging
import os

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # the library writes to stderr by itself, between our log lines; read when loaded

# The error of the call reports what it warns of; its own log lines quote the answers of token services.
logging.getLogger("google.auth").setLevel(logging.CRITICAL)
