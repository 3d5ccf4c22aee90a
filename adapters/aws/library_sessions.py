"""Sessions of AWS's library: one in which it looks for credentials, and two that make Stoker's own clients.

What the library makes for itself, such as a client of STS, is left as plain boto3 makes it but for its time limits.
"""

import os
from datetime import datetime

import boto3
import botocore.loaders
import botocore.session
from botocore.config import Config
from botocore.configprovider import ConstantProvider
from botocore.credentials import ReadOnlyCredentials
from botocore.utils import parse_timestamp

from adapters.aws.credentials import HeldCredentials

SANDBOX_KEY = "AKIASTOKERSANDBOX001"
"""The one access key that the sandbox knows from the start; no account has it."""

SANDBOX_KEYS = ReadOnlyCredentials(SANDBOX_KEY, "none", None)

MODELS = botocore.loaders.create_loader()
"""The library's descriptions of services, read from disk once for all regions: they are most of what making a client costs."""

FOR_CREDENTIALS = Config(connect_timeout=3.0, read_timeout=8.0, retries={"total_max_attempts": 2, "mode": "standard"})
"""Of the library's own clients of STS and others; by default one request may take 5 x 120 s."""


def epoch_seconds(value: object) -> float:
    """Return a timestamp of an answer as seconds since the epoch.

    The library's own parser makes a datetime of each in 25 microseconds, which for a page of 100,800 points is a dozen times
    all the rest. Only CloudWatch's client reads timestamps with this.
    """
    if isinstance(value, int | float):
        return float(value)
    return (value if isinstance(value, datetime) else parse_timestamp(str(value))).timestamp()


def finding_session(region: str) -> botocore.session.Session:
    """Return a session that looks for credentials as boto3 does: environment, profiles, files, processes, services."""
    core = _core()
    core.set_config_variable("region", region)
    core.set_default_client_config(FOR_CREDENTIALS)
    return core


def client_session(region: str, held: HeldCredentials, *, fast_timestamps: bool, sandboxed: bool) -> boto3.session.Session:
    """Return a session whose clients sign with `held`; the parser of timestamps is one for all clients of a session.

    `sandboxed`: no profile, file or variable of the machine is followed.
    """
    core = _core()
    core.register_component("credential_provider", held)
    if sandboxed:
        nowhere = {"profile": None, "config_file": os.devnull, "credentials_file": os.devnull}
        for variable, value in nowhere.items():
            core.get_component("config_store").set_config_provider(variable, ConstantProvider(value))
    if fast_timestamps:
        core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=epoch_seconds)
    return boto3.session.Session(botocore_session=core, region_name=region)


def _core() -> botocore.session.Session:
    core = botocore.session.Session()
    core.register_component("data_loader", MODELS)
    return core
