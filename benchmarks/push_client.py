"""Cost of counting a request in an application: `python benchmarks/push_client.py`. Microseconds, and ratio to an empty block.

The reporting thread runs against a server that answers each report. Each figure is the minimum of 9 runs of 200,000 requests.
"""

import asyncio
import sys
import threading
import time
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "clients" / "python"))

from stoker_push import Push, PushMiddleware

REQUESTS, RUNS, MOST_MICROSECONDS = 200_000, 9, 5.0


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        """Write no log."""


def blocks(entered) -> float:
    """Return the seconds of all requests as blocks of `entered`."""
    began = time.perf_counter()
    for _ in range(REQUESTS):
        with entered:
            pass
    return time.perf_counter() - began


def requests(app) -> float:
    """Return the seconds of all requests to an ASGI application."""
    async def all_of_them():
        scope = {"type": "http", "path": "/"}
        began = time.perf_counter()
        for _ in range(REQUESTS):
            await app(scope, None, None)
        return time.perf_counter() - began
    return asyncio.run(all_of_them())


async def empty(scope, receive, send):
    """Answer nothing."""


def main() -> int:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    push = Push(f"http://127.0.0.1:{server.server_port}", "agent", token="none", sender="benchmark")  # noqa: S106
    middleware = PushMiddleware(empty, push)
    kinds = {"block": (blocks, nullcontext(), push), "ASGI middleware": (requests, empty, middleware)}
    print("| request as | empty, us | counted, us | difference, us | ratio |\n|---|---|---|---|---|")
    worst = 0.0
    for name, (measure, plain, counted) in kinds.items():
        before, after = (min(measure(each) for _ in range(RUNS)) / REQUESTS * 1e6 for each in (plain, counted))
        worst = max(worst, after - before)
        print(f"| {name} | {before:.2f} | {after:.2f} | {after - before:.2f} | {after / before:.1f} |", flush=True)
    print(f"\n{push.reports} reports, {push.errors} errors; limit {MOST_MICROSECONDS:g} us a request")
    push.close()
    return int(worst > MOST_MICROSECONDS or push.errors > 0)


if __name__ == "__main__":
    sys.exit(main())
