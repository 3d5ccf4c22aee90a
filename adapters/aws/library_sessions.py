"""Sessions of the AWS library: one that looks for credentials, and two that create Stoker's clients.

Clients that the library creates for itself, such as one of STS, have the settings of plain boto3, except for their timeouts.
"""

import copy
import functools
import os
from datetime import datetime

import boto3
import botocore.loaders
import botocore.session
from botocore.config import Config
from botocore.configprovider import ConstantProvider
from botocore.credentials import ReadOnlyCredentials
from botocore.hooks import HierarchicalEmitter
from botocore.utils import parse_timestamp

from adapters.aws.credentials import HeldCredentials

SANDBOX_KEY = "AKIASTOKERSANDBOX001"
"""Access key that the sandbox accepts from the start; no account has it."""

SANDBOX_KEYS = ReadOnlyCredentials(SANDBOX_KEY, "none", None)

MODELS = botocore.loaders.create_loader()
"""Loader of the library's service descriptions, one for all regions: reading them takes most of the time to create a client."""

FOR_CREDENTIALS = Config(connect_timeout=3.0, read_timeout=8.0, retries={"total_max_attempts": 2, "mode": "standard"})
"""Timeouts of the clients that the library creates for itself; by default, one request may take 5 x 120 s."""


def epoch_seconds(value: object) -> float:
    """Return a timestamp of an answer as seconds since the epoch.

    The library's parser takes 25 microseconds for each, which for a page of 100,800 points is 12 times the rest of the work. Only
    CloudWatch's client uses this parser.
    """
    if isinstance(value, int | float):
        return float(value)
    return (value if isinstance(value, datetime) else parse_timestamp(str(value))).timestamp()


def finding_session(region: str) -> botocore.session.Session:
    """Return a session that looks for credentials in the order of boto3: environment, profiles, files, processes, services."""
    core = _core()
    core.set_config_variable("region", region)
    core.set_default_client_config(FOR_CREDENTIALS)
    return core


def client_session(region: str, held: HeldCredentials, *, fast_timestamps: bool, sandboxed: bool) -> boto3.session.Session:
    """Return a session whose clients sign with `held`. `fast_timestamps`: they parse timestamps with `epoch_seconds`.

    `sandboxed`: no profile, file or variable of the machine applies.
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
    core = botocore.session.Session(event_hooks=copy.copy(_handlers()), include_builtin_handlers=False)
    core.register_component("data_loader", MODELS)
    return core


@functools.cache
def _handlers() -> HierarchicalEmitter:
    """Return the library's own event handlers. To register them takes most of the time to create a session."""
    handlers = HierarchicalEmitter()
    botocore.session.Session(event_hooks=handlers)
    return handlers
