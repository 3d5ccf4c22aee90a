"""An application with OpenTelemetry's SDK that has 3 requests in flight: `-m tests.foreign.otlp_exporter URL SERVICE TOKEN`.

Each line of standard input is a number of seconds by which its clock is set forward before it exports.
"""

import math
import sys
import time

REAL, AHEAD = time.time_ns, [0]
time.time_ns = lambda: REAL() + AHEAD[0]  # before the SDK is imported, which takes the function

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: E402
from opentelemetry.sdk.metrics import MeterProvider  # noqa: E402
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: E402
from opentelemetry.sdk.resources import Resource  # noqa: E402

url, service, token = sys.argv[1:]
exporter = OTLPMetricExporter(f"{url}/v1/metrics", headers={"Authorization": f"Bearer {token}"})
provider = MeterProvider([PeriodicExportingMetricReader(exporter, math.inf)],
                         Resource({"service.name": service, "service.instance.id": "1"}))
provider.get_meter("test").create_up_down_counter("http.server.active_requests").add(3)
for line in sys.stdin:
    AHEAD[0] += int(float(line) * 1e9)
    provider.force_flush()
    print("exported", flush=True)
