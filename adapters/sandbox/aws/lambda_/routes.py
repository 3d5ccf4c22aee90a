"""Routes of Lambda's REST API: method and path to operation."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from adapters.sandbox.aws.lambda_ import concurrency_api as provisioned
from adapters.sandbox.aws.lambda_ import functions_api as functions
from adapters.sandbox.aws.lambda_.invoke_api import invoke
from adapters.sandbox.operations import Operation

_FUNCTION = r"/(?P<function>[^/]+)"


class Route(NamedTuple):
    """Method and path pattern of an operation."""

    method: str
    path: re.Pattern[str]
    operation: Operation


def _route(method: str, path: str, operation: Operation) -> Route:
    return Route(method, re.compile(path + "/?"), operation)


_PC, _ALIASES = f"/2019-09-30/functions{_FUNCTION}/provisioned-concurrency", f"/2015-03-31/functions{_FUNCTION}/aliases"
_LIST_PROVISIONED = Operation("ListProvisionedConcurrencyConfigs", provisioned.list_provisioned)
ROUTES = (
    _route("GET", _PC, Operation("GetProvisionedConcurrencyConfig", provisioned.get_provisioned)),
    _route("PUT", _PC, Operation("PutProvisionedConcurrencyConfig", provisioned.put_provisioned, mutating=True)),
    _route("DELETE", _PC, Operation("DeleteProvisionedConcurrencyConfig", provisioned.delete_provisioned, mutating=True)),
    _route(
        "GET", f"/2019-09-30/functions{_FUNCTION}/concurrency", Operation("GetFunctionConcurrency", provisioned.get_concurrency)
    ),
    _route(
        "PUT",
        f"/2017-10-31/functions{_FUNCTION}/concurrency",
        Operation("PutFunctionConcurrency", provisioned.put_concurrency, mutating=True),
    ),
    _route(
        "DELETE",
        f"/2017-10-31/functions{_FUNCTION}/concurrency",
        Operation("DeleteFunctionConcurrency", provisioned.delete_concurrency, mutating=True),
    ),
    _route("GET", "/2016-08-19/account-settings", Operation("GetAccountSettings", provisioned.account_settings)),
    _route("GET", "/2015-03-31/functions", Operation("ListFunctions", functions.list_functions)),
    _route("GET", f"/2015-03-31/functions{_FUNCTION}", Operation("GetFunction", functions.get_function)),
    _route(
        "GET",
        f"/2015-03-31/functions{_FUNCTION}/configuration",
        Operation("GetFunctionConfiguration", functions.get_configuration),
    ),
    _route("GET", f"/2015-03-31/functions{_FUNCTION}/policy", Operation("GetPolicy", functions.get_policy)),
    _route("GET", f"/2015-03-31/functions{_FUNCTION}/versions", Operation("ListVersionsByFunction", functions.list_versions)),
    _route(
        "POST",
        f"/2015-03-31/functions{_FUNCTION}/versions",
        Operation("PublishVersion", functions.publish_version, mutating=True),
    ),
    _route("POST", f"/2015-03-31/functions{_FUNCTION}/invocations", Operation("Invoke", invoke, mutating=True)),
    _route("GET", _ALIASES, Operation("ListAliases", functions.list_aliases)),
    _route("POST", _ALIASES, Operation("CreateAlias", functions.create_alias, mutating=True)),
    _route("GET", _ALIASES + "/(?P<name>[^/]+)", Operation("GetAlias", functions.get_alias)),
    _route("PUT", _ALIASES + "/(?P<name>[^/]+)", Operation("UpdateAlias", functions.update_alias, mutating=True)),
)


def operation_at(method: str, path: str, query: Mapping[str, str]) -> tuple[Operation, dict[str, str]] | None:
    """Return the operation of a request line and the names in its path; None if no route matches."""
    for route in ROUTES:
        match = route.path.fullmatch(path) if route.method == method else None
        if match is not None:
            names = match.groupdict()
            return (_LIST_PROVISIONED if query.get("List") == "ALL" else route.operation), names
    return None
