"""Small servers of a test's own, over real HTTP."""

import contextlib

from aiohttp import web


@contextlib.asynccontextmanager
async def served(answer):
    """Its URL, without a path: a server in this loop on a free port, which has `answer` answer every request."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
