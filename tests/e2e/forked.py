"""Processes of `stoker` that need not wait for Python and the libraries: each is forked from one that has loaded them.

A fresh interpreter takes a second of a processor's time to import what a daemon needs, and these tests start some hundred. What
is forked is a process like any other, with a number, signals, pipes, limits and an exit code of its own, and from the fork on it
goes through `python -m controller.cli` to the end. That a fresh interpreter does, too, is seen where the tutorial and the demo
are played.
"""

import asyncio
import atexit
import contextlib
import functools
import gc
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
from importlib import import_module
from pathlib import Path

LOADED = (
    "boto3", "adapters.aws.autoscaling.scheduled_fallback", "adapters.aws.lambda_.alias_monitor",
    "adapters.aws.lambda_.ping_lever", "adapters.aws.lambda_.provisioned_concurrency", "adapters.aws.permissions",
    "adapters.aws.provider", "adapters.gcp.settings",
    "adapters.leases.sqlite", "adapters.web.settings", "config.loading.loader", "controller.cli.operate.notify_test",
    "controller.cli.operate.run", "controller.cli.setup.doctor", "controller.cli.setup.plan", "controller.daemon.daemon",
    "controller.preflight.doctor", "controller.preflight.dry_run", "controller.telemetry.log_setup", "encodings.idna",
    "encodings.utf_8_sig", "numpy.ma", "rich._emoji_codes",
)
OF_GOOGLE = ("adapters.gcp.diagnostics", "adapters.gcp.monitoring.demand_source", "adapters.gcp.permissions",
             "adapters.gcp.provider")
SERVICES = ("lambda", "cloudwatch", "application-autoscaling", "sts")
ROOT = Path(__file__).parents[2]
GONE = "the process that all are forked from is gone"


class Forked:
    """What `asyncio.subprocess.Process` is, of a process that another one forked. `stdin` and `stdout` are None unless they were
    asked for.
    """

    def __init__(self, pid, ending, stdin, stdout, stderr):
        self.pid, self.returncode, self.stdin, self.stdout, self.stderr = pid, None, stdin, stdout, stderr
        self._ending = asyncio.create_task(self._ended(*ending))

    async def _ended(self, reader, writer):
        code = await reader.readline()
        writer.close()
        await writer.wait_closed()
        assert code, GONE
        self.returncode = int(code)

    async def wait(self):
        await asyncio.shield(self._ending)
        return self.returncode

    async def communicate(self):
        out, err, _ = await asyncio.gather(self.stdout.read(), self.stderr.read(), self.wait())
        return out, err

    def send_signal(self, sign):
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, sign)

    def kill(self):
        self.send_signal(signal.SIGKILL)


async def forked(arguments, environment, stdout=True, module="controller.cli", stdin=False, google=False):
    """`stoker`, or another module, with these arguments and nothing but this environment; standard output is this process's own
    if not asked for. `google`: Google's libraries are loaded, too.
    """
    (ours, theirs), (out, out_end), (err, err_end) = socket.socketpair(), os.pipe() if stdout else (None, os.dup(1)), os.pipe()
    in_end, to = os.pipe() if stdin else (os.open(os.devnull, os.O_RDONLY), None)
    with theirs:
        request = json.dumps([module, list(arguments), environment, str(Path.cwd())]).encode() + b"\n"
        handles = [theirs.fileno(), in_end, out_end, err_end]
        first(google).sendall(request[socket.send_fds(first(google), [request], handles):])
    for handle in handles[1:]:
        os.close(handle)
    pid = ours.recv(4, socket.MSG_WAITALL)  # before anybody else asks: whoever is asked takes one request at a time
    assert pid, GONE
    ending = await asyncio.open_unix_connection(sock=ours)
    return Forked(int.from_bytes(pid), ending, None if to is None else os.fdopen(to, "wb", 0),
                  None if out is None else await stream_of(out), await stream_of(err))


async def stream_of(pipe):
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(pipe, "rb"))
    return reader


@functools.cache
def first(google):
    """Where to ask the process that has loaded everything; it is started when it is first wanted, and ends with this one."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen([sys.executable, "-m", "tests.e2e.forked", str(theirs.fileno()),
                                    *(OF_GOOGLE if google else ())], cwd=ROOT, stdin=subprocess.DEVNULL,
                                   pass_fds=[theirs.fileno()])

    def end():
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def serve(asked):
    """Fork for whoever asks and tell how it ended, until nobody can ask any more; in what was forked, what it is asked to do."""
    woken, waker = socket.socketpair()
    waker.setblocking(False)
    waiting, ends = selectors.DefaultSelector(), {}
    for each in (asked, woken):
        waiting.register(each, selectors.EVENT_READ)
    before = signal.signal(signal.SIGCHLD, lambda *_: None), signal.set_wakeup_fd(waker.fileno())
    while True:
        ready = {key.fileobj for key, _ in waiting.select()}
        if woken in ready:
            woken.recv(1000)
            tell(ends)
        if asked in ready:
            line, handles, *_ = socket.recv_fds(asked, 2**16, 4)
            while line and not line.endswith(b"\n"):
                line += asked.recv(2**16)
            if not line:
                return None
            pid = os.fork()
            if pid == 0:
                signal.signal(signal.SIGCHLD, before[0])
                signal.set_wakeup_fd(before[1])
                for held in (waiting, asked, woken, waker):
                    held.close()
                for handle in ends.values():
                    os.close(handle)
                return json.loads(line), handles
            ends[pid] = handles[0]
            os.write(handles[0], pid.to_bytes(4))
            for handle in handles[1:]:
                os.close(handle)


def tell(ends):
    """Those that wait how theirs ended, as `subprocess` counts it."""
    for pid in list(ends):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            with contextlib.suppress(BrokenPipeError), os.fdopen(ends.pop(pid), "wb") as to:
                to.write(b"%d\n" % os.waitstatus_to_exitcode(status))


def describe():
    """Read the descriptions of AWS's services, as each process does for its first clients."""
    from adapters.aws.credentials import HeldCredentials
    from adapters.aws.library_sessions import client_session

    session = client_session("us-east-1", HeldCredentials(), fast_timestamps=False, sandboxed=True)
    for service in SERVICES:
        session.client(service)


def main():
    for name in (*LOADED, *sys.argv[2:]):
        import_module(name)
    describe()
    gc.collect()
    gc.freeze()  # what is forked neither looks through these objects nor copies their pages
    asked = serve(socket.socket(fileno=int(sys.argv[1])))
    if asked is None:
        return
    (module, arguments, environment, folder), (to, *pipes) = asked
    os.close(to)
    for number, pipe in enumerate(pipes):
        os.dup2(pipe, number)
        os.close(pipe)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["", *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
