"""What can be found out of the machine itself: the state folder, its disk, who else is at work there, time zones."""

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
    """Of this machine; blocks on the disk."""
    free = shutil.disk_usage(existing(state_dir)).free
    return [folder(state_dir), disk(str(state_dir), free), *daemon(state_dir), *zones(policy, now), *addresses(policy)]


def addresses(policy: Policy) -> Iterator[Finding]:
    """Whether requests would go to the metadata service of this machine."""
    for leading in metadata_urls(policy, os.environ):
        yield Finding("addresses", leading.name, Verdict.WARN, WHAT, REMEDY)


def folder(state_dir: Path) -> Finding:
    """Whether the daemon could write there."""
    subject = str(state_dir)
    if state_dir.is_dir():
        try:
            with tempfile.TemporaryFile(dir=state_dir) as tried:
                tried.write(b"\0")
        except OSError as error:
            return Finding("state folder", subject, Verdict.FAIL, f"cannot be written ({error.strerror})",
                           "check its owner, its mode and the mount, or give another --state-dir")
        return Finding("state folder", subject, Verdict.OK, "can be written")
    if state_dir.exists():
        return Finding("state folder", subject, Verdict.FAIL, "is no folder", "give another --state-dir")
    parent = existing(state_dir)
    if not os.access(parent, os.W_OK | os.X_OK):
        return Finding("state folder", subject, Verdict.FAIL, f"is not there, and {parent} may not be written",
                       "make it, or give another --state-dir")
    return Finding("state folder", subject, Verdict.OK, "will be made by the first run")


def disk(subject: str, free: int) -> Finding:
    """Whether `free` bytes are enough where the state lies."""
    text = f"{free / 1e9:.1f} GB are free"
    if free < DISK_WARN:
        return Finding("disk", subject, Verdict.FAIL if free < DISK_FAIL else Verdict.WARN, text, "free some space there")
    return Finding("disk", subject, Verdict.OK, text)


def daemon(state_dir: Path) -> Iterator[Finding]:
    """Whether a daemon works on that state already, in which case a second one would refuse to start."""
    store = state_dir / STORE_NAME
    try:
        running = in_use(store)
    except StoreError as error:
        yield Finding("daemon", str(state_dir), Verdict.UNCHECKED, str(error))
        return
    if running:
        yield Finding("daemon", str(state_dir), Verdict.WARN, "a daemon is running on it, so a second one would not start",
                      "none if that is the one you mean; or give another --state-dir")
    else:
        yield Finding("daemon", str(state_dir), Verdict.OK, "no daemon is running on it")


def zones(policy: Policy, now: datetime) -> Iterator[Finding]:
    """Whether the time zones of schedules are known, by data that is not years old."""
    used = sorted({schedule.timezone for pool in policy.pools for schedule in pool.schedules})
    try:
        release = version("tzdata")
    except PackageNotFoundError:
        release = ""
    for name in used:
        ZoneInfo(name)  # the policy was checked by it
    what = f"{len(used)} in use" if used else "none in use"
    year = release.split(".")[0]
    if not year.isdigit() or int(year) < now.year - 1:
        yield Finding("time zones", f"tzdata {release or '-'}", Verdict.WARN, f"the data is old, or its age unknown; {what}",
                      "pip install -U tzdata")
    else:
        yield Finding("time zones", f"tzdata {release}", Verdict.OK, what)


def existing(path: Path) -> Path:
    """The nearest folder above `path` that is there, or itself."""
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path
