"""Report the requests in flight of this process to Stoker. One file without dependencies: copy it into your application.

    push = Push("http://stoker.internal:8080", "support-agent")    # the token is in STOKER_TOKEN

    with push:                                                     # one request
        answer()

    @push                                                          # functions, coroutines and generators
    async def answer(): ...

    app.add_middleware(PushMiddleware, push=push, ignore=("/ping",))    # FastAPI, Starlette and other ASGI applications

A background thread reports every second, and after a change within 0.1 s. Counting a request never raises and never waits for the
network; only `flush` and `close` wait. Errors are counted in `errors`, and the last one is in `last_error`.
"""

import atexit
import functools
import http.client
import inspect
import json
import os
import socket
import threading
import time
import urllib.parse
import weakref

EVERY_SECONDS, SOONEST_SECONDS, TIMEOUT_SECONDS = 1.0, 0.1, 2.0

_all = weakref.WeakSet()


class Push:
    """Counter of the requests in flight of this process, for one pool. Safe for threads, asyncio and forks.

    `url`: the daemon's address. `token`: its bearer token, by default that in STOKER_TOKEN. `sender`: a name that no other
    process uses, by default host name and process ID.
    """

    def __init__(self, url, pool, token=None, sender=None):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is not an address such as http://127.0.0.1:8080")
        self._connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._address = parts.hostname, parts.port
        self._path = f"{parts.path.rstrip('/')}/v1/pools/{urllib.parse.quote(pool, safe='')}/in-flight"
        self._token = os.environ.get("STOKER_TOKEN", "") if token is None else token
        self._name = sender
        self.errors = self.reports = 0
        self.last_error = ""
        self._begin()
        _all.add(self)

    def _begin(self):
        """Start with nothing in flight: at first, and in the child of a fork."""
        self._lock, self._sending = threading.Lock(), threading.Lock()
        self._in_flight = self._started = self._peak = 0
        self._changed, self._wake, self._closed = False, threading.Event(), threading.Event()
        self._thread = self._connection = None
        self._ended = self._told = False    # a final report is due; it was answered: then there is nothing to report
        self._sequence = time.time_ns() // 1_000_000    # continues above that of an earlier process of this name
        self.sender = self._name or f"{socket.gethostname()}:{os.getpid()}"

    @property
    def in_flight(self):
        """Requests in flight now."""
        return self._in_flight

    def __enter__(self):
        with self._lock:
            self._in_flight += 1
            self._started += 1
            if self._in_flight > self._peak:
                self._peak = self._in_flight
        if not self._changed:
            self._notify()
        return self

    def __exit__(self, *_):
        with self._lock:
            if self._in_flight:    # a child process may end what its parent has started
                self._in_flight -= 1
        if not self._changed:
            self._notify()

    def __call__(self, function):
        """Return `function` with each call counted, until its result, its last value or its error."""
        if inspect.isasyncgenfunction(function):
            async def counted(*args, **kwargs):
                with self:
                    async for value in function(*args, **kwargs):
                        yield value
        elif inspect.iscoroutinefunction(function):
            async def counted(*args, **kwargs):
                with self:
                    return await function(*args, **kwargs)
        elif inspect.isgeneratorfunction(function):
            def counted(*args, **kwargs):
                with self:
                    return (yield from function(*args, **kwargs))
        else:
            def counted(*args, **kwargs):
                with self:
                    return function(*args, **kwargs)
        return functools.wraps(function)(counted)

    def flush(self, final=False):
        """Report now, and wait for the answer, up to 2 s. `final`: this process stops, or is frozen until its next request."""
        with self._sending:
            self._report(final)

    def close(self):
        """Send a final report and stop. Called when the interpreter exits."""
        self._closed.set()
        self._wake.set()
        if self._thread is not None:
            with self._sending:
                self._report(final=True)
                self._drop()

    def _notify(self):
        """Wake the reporting thread, once for all changes until its next report."""
        self._changed = True
        if self._thread is None:
            self._start()
        self._wake.set()

    def _start(self):
        with self._lock:
            if self._thread is not None or self._closed.is_set():
                return
            self._thread = threading.Thread(target=self._run, name="stoker-push", daemon=True)
        try:
            self._thread.start()
            atexit.register(self.close)
        except RuntimeError as error:    # no more threads, or the interpreter exits
            self._failed(error)

    def _run(self):
        while not self._closed.is_set():
            self._wake.wait(EVERY_SECONDS)
            self._wake.clear()
            if not self._closed.is_set():
                self.flush()
            self._closed.wait(SOONEST_SECONDS)

    def _report(self, final):
        """Send one report. What a lost one would have counted is in the next one."""
        self._changed = False
        with self._lock:
            in_flight, started, peak = self._in_flight, self._started, self._peak
            self._ended = (final or (self._ended and not started)) and not in_flight
            if self._ended and self._told and not started:
                return
            self._started, self._peak, self._told = 0, in_flight, False
            self._sequence += 1
        body = {"sender": self.sender, "sequence": self._sequence, "in_flight": in_flight, "started": started, "peak": peak}
        if self._ended:
            body["final"] = True
        try:
            self._post(json.dumps(body).encode())
            self.reports += 1
            self._told = self._ended
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._drop()
            self._failed(error)
            with self._lock:
                self._started, self._peak = self._started + started, max(self._peak, peak)

    def _post(self, body):
        if self._connection is None:
            self._connection = self._connect(*self._address, timeout=TIMEOUT_SECONDS)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        self._connection.request("POST", self._path, body, headers)
        answer = self._connection.getresponse()
        text = answer.read(2000)
        if answer.status != 200:
            raise OSError(f"{answer.status}: {text.decode(errors='replace')[:300]}")

    def _drop(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _failed(self, error):
        self.errors += 1
        self.last_error = f"{type(error).__name__}: {error}"


class PushMiddleware:
    """ASGI middleware that counts requests and WebSocket connections. `ignore`: paths that are no work, such as pings."""

    def __init__(self, app, push, ignore=()):
        self.app, self.push, self.ignore = app, push, frozenset(ignore)

    async def __call__(self, scope, receive, send):
        if scope["type"] not in ("http", "websocket") or scope.get("path") in self.ignore:
            await self.app(scope, receive, send)
            return
        with self.push:
            await self.app(scope, receive, send)


def _after_fork():
    """Let the child of a fork report for itself: locks, thread and connection belong to the parent."""
    for push in list(_all):
        push._begin()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
