"""What stages share whose source reads a server made with aiohttp."""

from aiohttp import web

from tests.adapters.conformance.source_stage import SourceStage


class HttpSourceStage(SourceStage):
    """A server on one port, which it keeps when it returns."""

    def __init__(self) -> None:
        super().__init__()
        self._port = 0

    async def listen(self, app: web.Application) -> None:
        """Serve `app` until it dies."""
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True).start()
        self._port = self._runner.addresses[0][1]

    async def die(self) -> None:
        await self._runner.cleanup()
