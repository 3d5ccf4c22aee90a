"""Servers and programs that this project did not write, started as processes on loopback.

The packages are in an environment of their own, `.venv-foreign`, which `make foreign` installs from `requirements-foreign.txt`:
they pin other versions of libraries that Stoker uses too. The programs in `DEBIAN` are Debian packages. A test that needs what is
not installed is skipped and names the command that installs it; `test_servers.py` fails when all are missing in CI.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]
ENVIRONMENT = ROOT / ".venv-foreign"
PACKAGES = ("cloudevents", "datadog", "fastapi", "helm-python-sdk", "langgraph", "microburst", "ministack", "moto",
            "oteltap", "standardwebhooks", "statsd", "strands-agents", "stripe")
DEBIAN = {"prometheus": "prometheus", "promtool": "prometheus", "tinyproxy": "tinyproxy", "redis-server": "redis-server",
          "initdb": "postgresql", "setpriv": "util-linux"}
"""Program -> the Debian package that has it."""

STOP_SECONDS = 15
PORT_TRIES = 3


def installed(package):
    """Whether `.venv-foreign` has this package."""
    return any(ENVIRONMENT.glob(f"lib/python*/site-packages/{package.replace('-', '_')}-*.dist-info"))


def need(package):
    """Skip the test if `.venv-foreign` does not have this package."""
    if not installed(package):
        pytest.skip(f"{package} is not installed: run make foreign")


def debian_program(name):
    """The path of a program from a Debian package; the test is skipped where there is none."""
    path = shutil.which(name) or next(map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), None)
    if path is None:
        pytest.skip(f"{name} is not installed: apt-get install {DEBIAN[name]}")
    return path


def foreign_python(code, *arguments, stdin=""):
    """Run Python `code` in `.venv-foreign` with these arguments and this standard input; return its standard output."""
    done = subprocess.run([ENVIRONMENT / "bin" / "python", "-c", code, *arguments], input=stdin, capture_output=True, text=True,
                          timeout=PATIENCE_SECONDS)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Server:
    """A process that answers on a port of 127.0.0.1."""

    def __init__(self, name, port, process, log):
        self.name, self.port, self.process, self.log = name, port, process, log

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def text(self):
        """What the server has written so far."""
        return self.log.read_text(errors="replace")

    def stop(self):
        """End the server and every process that it started."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
                break
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)


@contextlib.contextmanager
def started(name, command, folder, environment=None, ready=None):
    """Start `command` until the block ends, with `{port}` in it and in `environment` replaced by a free port.

    It has started when GET `ready` is answered with a status below 500, or without `ready` when the port accepts connections.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    server = launched(name, command, folder, environment or {}, ready)
    try:
        yield server
    finally:
        server.stop()


def launched(name, command, folder, environment, ready):
    """See `started`. Another process may take the port between the choice and the start: another one is tried then."""
    for left in reversed(range(PORT_TRIES)):
        port = free_port()
        log = folder / f"{name}-{port}.log"
        given = {key: str(value).replace("{port}", str(port)) for key, value in environment.items()}
        with log.open("wb") as output:
            process = subprocess.Popen([*bound(), *(str(part).replace("{port}", str(port)) for part in command)], cwd=folder,
                                       env=plain_environment(folder) | given, stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=subprocess.STDOUT, start_new_session=True)
        server = Server(name, port, process, log)
        if is_ready(server, ready):
            return server
        server.stop()
        assert left, f"{name} did not start:\n{server.text()}"
    return None


def bound():
    """What a command begins with so that it ends with this process, even a killed one; nothing where setpriv is missing."""
    path = shutil.which("setpriv")
    return [] if path is None else [path, "--pdeathsig", "KILL", "--"]


def is_ready(server, path):
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end and server.process.poll() is None:
        if answers(server, path):
            return True
        time.sleep(0.05)
    return False


def answers(server, path):
    try:
        if path is None:
            socket.create_connection(("127.0.0.1", server.port), PATIENCE_SECONDS).close()
        else:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            opener.open(f"{server.url}{path}", timeout=PATIENCE_SECONDS).close()
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False
    return True


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def plain_environment(home):
    """Variables for a server: no credentials, proxies or settings of this machine."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home), "LANG": "C.UTF-8",
            "DOCKER_HOST": f"unix://{home}/no-container-engine.sock"}


def ministack(folder, **settings):
    """Start an emulator of AWS: Lambda with provisioned concurrency, CloudWatch, STS, IMDS, CloudFormation and others.

    `AUTH="true"` makes it check signatures and IAM policies. An access key of twelve digits is an account of that number; its
    secret key is `test`.
    """
    need("ministack")
    fixed = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": "{port}", "STATE_DIR": folder / "state", "S3_DATA_DIR": folder / "s3",
             "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0"}  # these two would listen on all interfaces
    return started("ministack", [ENVIRONMENT / "bin" / "ministack"], folder, fixed | settings, ready="/_ministack/ready")


def moto(folder):
    """Start an emulator of AWS that has what ministack lacks: Application Auto Scaling and DynamoDB transactions."""
    need("moto")
    return started("moto", [ENVIRONMENT / "bin" / "moto_server", "-H", "127.0.0.1", "-p", "{port}"], folder, ready="/moto-api/")


def microburst(folder, upstream):
    """Start a proxy to `upstream` that answers some requests as AWS does in trouble: rules are set at
    `/_microburst/rules`."""
    need("microburst")
    command = [ENVIRONMENT / "bin" / "microburst", "--upstream", upstream, "--host", "127.0.0.1", "--port", "{port}"]
    return started("microburst", command, folder)


def oteltap(folder):
    """Start a receiver of OTLP over HTTP; it writes what it received as JSON lines to its log."""
    need("oteltap")
    return started("oteltap", [ENVIRONMENT / "bin" / "oteltap", "--port", "{port}"], folder, {"PYTHONUNBUFFERED": "1"})


def tinyproxy(folder, *directives):
    """Start an HTTP proxy that also forwards CONNECT; `directives` are added to its configuration."""
    path = debian_program("tinyproxy")
    lines = ["Port {port}", "Listen 127.0.0.1", "MaxClients 100", "Timeout 60", "LogLevel Connect", *directives]
    script = "printf '%s\\n' \"$@\" > tinyproxy-{port}.conf && exec " + path + " -d -c tinyproxy-{port}.conf"
    return started("tinyproxy", ["sh", "-c", script, "tinyproxy", *lines], folder)


def prometheus(folder, configuration):
    """Start Prometheus with this configuration file."""
    path = debian_program("prometheus")
    command = [path, f"--config.file={configuration}", "--web.listen-address=127.0.0.1:{port}",
               f"--storage.tsdb.path={folder / 'tsdb'}", "--log.level=info"]
    return started("prometheus", command, folder, ready="/-/ready")


def redis(folder, *directives):
    """Start Redis without files of its own; `directives` are further options."""
    fixed = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder]
    return started("redis", [debian_program("redis-server"), "--port", "{port}", *fixed, *directives], folder)


@contextlib.contextmanager
def postgresql(folder, *settings):
    """Start PostgreSQL with a new cluster, in which every connection of the role `postgres` is trusted.

    `settings` are of the form `name=value`. The server does not run as root, and another user may not enter `folder`, so the
    cluster is in a folder of its own.
    """
    initdb = Path(debian_program("initdb")).resolve()
    with tempfile.TemporaryDirectory(prefix="stoker-postgresql-") as home:
        as_user = []
        if os.geteuid() == 0:
            shutil.chown(home, "postgres")
            as_user = [debian_program("setpriv"), "--reuid", "postgres", "--regid", "postgres", "--clear-groups"]
        command = [*as_user, initdb, "-D", f"{home}/data", "-U", "postgres", "--auth", "trust", "--no-sync", "-E", "UTF8"]
        subprocess.run(command, check=True, capture_output=True, cwd=home, env=plain_environment(home), timeout=PATIENCE_SECONDS)
        fixed = ("listen_addresses=127.0.0.1", f"unix_socket_directories={home}", "fsync=off")
        options = [part for setting in (*fixed, *settings) for part in ("-c", setting)]
        server = [*as_user, initdb.with_name("postgres"), "-D", f"{home}/data", "-p", "{port}", *options]
        with started("postgresql", server, folder) as running:
            running.home = Path(home)
            ready = [initdb.with_name("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(running.port)]
            end = time.monotonic() + PATIENCE_SECONDS
            while subprocess.run(ready, timeout=PATIENCE_SECONDS).returncode and time.monotonic() < end:
                time.sleep(0.05)
            yield running
