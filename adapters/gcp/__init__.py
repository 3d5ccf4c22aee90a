"""Google Cloud: minimum instances of a Cloud Run service as a lever, Cloud Monitoring as a demand source."""

import logging
import os

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # else gRPC writes to stderr between our log lines; it reads this on import

# The error of the call contains the same facts, and the log lines of the library quote responses of token services.
logging.getLogger("google.auth").setLevel(logging.CRITICAL)
