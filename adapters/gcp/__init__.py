"""Google Cloud: minimum instances of a Cloud Run service as a lever, Cloud Monitoring as a demand source."""

import logging
import os

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # the library writes to stderr by itself, between our log lines; read when loaded

# What it warns of is told by the error of the call that it concerns; its own lines quote what token services answer.
logging.getLogger("google.auth").setLevel(logging.CRITICAL)
