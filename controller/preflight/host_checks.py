"""Checks of this machine: state folder, disk, another running daemon, time zones."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from zoneinfo import ZoneInfo

from adapters.ports.diagnostics import Finding, Verdict
from config.model.policy import Policy
from controller.preflight.metadata_urls import REMEDY, WHAT, metadata_urls
from controller.store.sqlite_file import StoreError, in_use
from controller.store.state_dir import STORE_NAME

MB = 1_000_000
DISK_WARN, DISK_FAIL = 1000 * MB, 50 * MB


def local_findings(policy: Policy, state_dir: Path, now: datetime) -> list[Finding]:
    """Return the findings on this machine. Blocks on disk I/O."""
    free = shutil.disk_usage(existing(state_dir)).free
    return [folder(state_dir), disk(str(state_dir), free), *daemon(state_dir), *zones(policy, now), *addresses(policy)]


def addresses(policy: Policy) -> Iterator[Finding]:
    """Yield a finding for each URL that leads to the metadata service of this machine."""
    for leading in metadata_urls(policy, os.environ):
        yield Finding("addresses", leading.name, Verdict.WARN, WHAT, REMEDY)


def folder(state_dir: Path) -> Finding:
    """Return whether the daemon could write the state folder."""
    subject = str(state_dir)
    if state_dir.is_dir():
        try:
            with tempfile.TemporaryFile(dir=state_dir) as tried:
                tried.write(b"\0")
        except OSError as error:
            return Finding("state folder", subject, Verdict.FAIL, f"is not writable ({error.strerror})",
                           "check its owner, its mode and the mount, or set another --state-dir")
        return Finding("state folder", subject, Verdict.OK, "is writable")
    if state_dir.exists():
        return Finding("state folder", subject, Verdict.FAIL, "is not a folder", "set another --state-dir")
    parent = existing(state_dir)
    if not os.access(parent, os.W_OK | os.X_OK):
        return Finding("state folder", subject, Verdict.FAIL, f"does not exist, and {parent} is not writable",
                       "create it, or set another --state-dir")
    return Finding("state folder", subject, Verdict.OK, "does not exist yet; `stoker run` creates it")


def disk(subject: str, free: int) -> Finding:
    """Return whether `free` bytes are enough for the state."""
    text = f"{free / 1e9:.1f} GB free"
    if free < DISK_WARN:
        return Finding("disk", subject, Verdict.FAIL if free < DISK_FAIL else Verdict.WARN, text, "free disk space")
    return Finding("disk", subject, Verdict.OK, text)


def daemon(state_dir: Path) -> Iterator[Finding]:
    """Yield whether a daemon uses the state folder already; a second one would refuse to start."""
    store = state_dir / STORE_NAME
    try:
        running = in_use(store)
    except StoreError as error:
        yield Finding("daemon", str(state_dir), Verdict.UNCHECKED, str(error))
        return
    if running:
        yield Finding("daemon", str(state_dir), Verdict.WARN,
                      "a running daemon uses this state folder, so a second daemon does not start",
                      "no action if this daemon is intended; otherwise set another --state-dir")
    else:
        yield Finding("daemon", str(state_dir), Verdict.OK, "no running daemon uses this state folder")


def zones(policy: Policy, now: datetime) -> Iterator[Finding]:
    """Yield whether the time zone data is recent enough for the schedules."""
    used = sorted({schedule.timezone for pool in policy.pools for schedule in pool.schedules})
    try:
        release = version("tzdata")
    except PackageNotFoundError:
        release = ""
    for name in used:
        ZoneInfo(name)  # cannot fail: the policy was validated with the same data
    what = f"the policy uses {len(used)}" if used else "the policy uses none"
    year = release.split(".")[0]
    if not year.isdigit() or int(year) < now.year - 1:
        yield Finding("time zones", f"tzdata {release or '-'}", Verdict.WARN, f"older than 1 year or of unknown age; {what}",
                      "update the package tzdata where Stoker is installed")
    else:
        yield Finding("time zones", f"tzdata {release}", Verdict.OK, what)


def existing(path: Path) -> Path:
    """Return `path` if it exists, else its nearest existing parent."""
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path
