"""A headless Chromium that tests drive through its own protocol: pages, clicks, keys, what the console complained of."""

import asyncio
import atexit
import base64
import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import aiohttp

from tests.patience import PATIENCE_SECONDS

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--in-process-gpu",
         "--disable-features=BackForwardCache", "--remote-debugging-port=0")


class Page:
    """One tab. `complaints`: errors of the console, of scripts, and of what was refused."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._numbers = socket, itertools.count(1)
        self._waiting: dict[int, asyncio.Future] = {}
        self.complaints: list[str] = []

    async def listen(self) -> None:
        async for message in self._socket:
            told = json.loads(message.data)
            if "id" in told:
                waiting = self._waiting.pop(told["id"], None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(told)
            else:
                self._note(told["method"], told["params"])

    async def send(self, method: str, **params) -> dict:
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        told = await asyncio.wait_for(self._waiting[number], PATIENCE_SECONDS)
        assert "error" not in told, f"{method}: {told['error']}"
        return told["result"]

    async def open(self, url: str, width: int = 1280, height: int = 900, dark: bool = False, still: bool = False) -> None:
        """Go to an address, with a look: a size, dark or light, and `still` for people who want no motion."""
        for domain in ("Page", "Runtime", "Log"):
            await self.send(f"{domain}.enable")
        await self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        await self.send("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if still else "no-preference"}])
        await self.send("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")

    async def leave(self) -> None:
        """Forget everything of the page."""
        await self.js("try { localStorage.clear(); sessionStorage.clear() } catch { /* an error page has none */ }")
        for forgotten in ("Network.clearBrowserCookies", "Network.clearBrowserCache", "Page.resetNavigationHistory"):
            await self.send(forgotten)
        await self.send("Page.navigate", url="about:blank")
        for forgotten in ("Log.clear", "Runtime.discardConsoleEntries"):
            await self.send(forgotten)

    async def js(self, expression: str):
        """The value of an expression, as JSON carries it; a promise is waited for."""
        told = await self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    async def until(self, condition: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until an expression is true."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not await self.js(f"!!({condition})"):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
                return
        text = await self.js("document.body.innerText.slice(0, 800)")
        raise AssertionError(f"never came true: {condition}\n{self.complaints}\n{text}")

    async def key(self, key: str, code: int, text: str = "") -> None:
        for kind in ("keyDown", "keyUp"):
            await self.send("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, code=key,
                            **({"text": text} if text and kind == "keyDown" else {}))

    async def point(self, x: float, y: float) -> None:
        """Move the mouse to a point of the window."""
        await self.send("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    async def text(self, selector: str) -> str:
        """The text of an element as it is seen, without empty lines."""
        return re.sub(r"\s*\n\s*", "\n", await self.js(f"document.querySelector({json.dumps(selector)}).innerText"))

    async def write(self, text: str) -> None:
        """Type into what has the focus."""
        await self.send("Input.insertText", text=text)

    async def picture(self, whole: bool = True) -> bytes:
        """What is seen, as PNG."""
        told = await self.send("Page.captureScreenshot", captureBeyondViewport=whole)
        return base64.b64decode(told["data"])

    def _note(self, method: str, params: dict) -> None:
        if method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(params["exceptionDetails"])[:500])
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.complaints.append(json.dumps(params["args"])[:500])


class Browser:
    """One browser for all tests of a run: it takes most of a second to start, and a tab with a profile of its own does not."""

    process: subprocess.Popen | None = None
    url = ""

    def __init__(self) -> None:
        self.tabs: list[str] = []
        """Tabs that no test has."""

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def address(self) -> str:
        """Where it takes orders; it is started when there is none, or none any more."""
        if not self.running():
            self.tabs.clear()
            folder = tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True)
            self.process = subprocess.Popen([CHROMIUM, *FLAGS, f"--user-data-dir={folder.name}", "about:blank"],
                                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
            atexit.register(self.end, self.process, folder)
            port, path = told_in(Path(folder.name) / "DevToolsActivePort")
            self.url = f"ws://127.0.0.1:{port}{path}"
        return self.url

    @staticmethod
    def end(process: subprocess.Popen, folder: tempfile.TemporaryDirectory) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        folder.cleanup()


BROWSER = Browser()


def told_in(file: Path) -> list[str]:
    """Both words in the file where a browser tells how it can be reached."""
    until = time.monotonic() + PATIENCE_SECONDS
    while len(words := file.read_text().split() if file.exists() else []) < 2:
        assert time.monotonic() < until, "the browser does not start"
        time.sleep(0.02)
    return words


@contextlib.asynccontextmanager
async def socket_of(session: aiohttp.ClientSession, url: str):
    """What takes orders at an address, as a page does."""
    async with session.ws_connect(url, max_msg_size=0) as socket:
        page = Page(socket)
        listening = asyncio.create_task(page.listen())
        try:
            yield page
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


@contextlib.asynccontextmanager
async def chromium():
    """A tab without cookies, storage and cache, which no other test has meanwhile. The next test gets it if this one succeeds: a
    new tab starts a process, which takes longer than most pages.
    """
    async with aiohttp.ClientSession() as session:
        tab = BROWSER.tabs.pop() if BROWSER.running() and BROWSER.tabs else await new_tab(session)
        async with socket_of(session, f"{BROWSER.address().partition('/devtools/')[0]}/devtools/page/{tab}") as page:
            yield page
            await page.leave()
        BROWSER.tabs.append(tab)


async def new_tab(session: aiohttp.ClientSession) -> str:
    """A tab with an empty profile of its own."""
    async with socket_of(session, BROWSER.address()) as whole:
        profile = (await whole.send("Target.createBrowserContext"))["browserContextId"]
        return (await whole.send("Target.createTarget", url="about:blank", browserContextId=profile))["targetId"]
