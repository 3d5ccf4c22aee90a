"""Checks of what pools of a region share: the concurrency of the account and of functions, and the versions of aliases."""

from collections.abc import Sequence
from contextlib import suppress

from adapters.aws.lambda_.functions import Alias
from adapters.aws.sessions import AwsSessions
from adapters.ports.diagnostics import Finding, Verdict
from adapters.ports.errors import AdapterError, NotFound
from config.model.policy import PoolPolicy

USUAL_FLOOR = 100
"""Concurrency that must stay unreserved, by AWS's documentation; the limit of new accounts is lower."""

ONE_ALIAS = "AWS accepts provisioned concurrency for one alias of a version only"
OTHER_VERSION = "point one of them to another version, or keep one of these pools"


async def concurrency(sessions: AwsSessions, region: str, pools: Sequence[PoolPolicy]) -> list[Finding]:
    """Check that the account allows the max of every pool at once, and name the limits that do not.

    Functions with reserved concurrency take their units from that reservation. They are read only if the sum of all is too large.
    """
    subject = f"concurrency in {sessions.place(region)}"
    try:
        account = await sessions.plane(region).account.get()
        most = sum(pool.max for pool in pools)
        if account.unreserved is None:
            return [Finding("quota", subject, Verdict.UNCHECKED, "AWS does not report the unreserved concurrency")]
        available = max(0, account.unreserved - USUAL_FLOOR)
        reserved = await _reserved(sessions, region, pools) if most > available else {}
    except AdapterError as error:
        return [Finding("quota", subject, Verdict.UNCHECKED, str(error))]
    findings = []
    for function, units in reserved.items():
        wanted = sum(pool.max for pool in pools if _function(pool) == function)
        most -= wanted
        if wanted > units:
            text = f"the reserved concurrency of {function} is {units}; the sum of its pools' max is {wanted}"
            findings.append(Finding("quota", function, Verdict.WARN, text, "raise the reserved concurrency, or lower max"))
    limit = "an unknown number" if account.limit is None else account.limit
    of = " without reserved concurrency" if reserved else ""
    text = f"{limit} in the account, {account.unreserved} not reserved; the sum of the max of pools{of} is {most}"
    if most > available:
        return [*findings, Finding("quota", subject, Verdict.WARN, f"{text}, more than the {available} that can be provisioned",
                                   "lower max, reserve concurrency for the functions, or request a higher quota L-B99A9384")]
    return [*findings, Finding("quota", subject, Verdict.OK, text)]


async def _reserved(sessions: AwsSessions, region: str, pools: Sequence[PoolPolicy]) -> dict[str, int]:
    """Return function -> reserved concurrency, of the functions that have any."""
    found = {}
    for pool in {_function(pool): pool for pool in pools}.values():
        function, alias = _function(pool), str(pool.lever.model_dump()["alias"])
        with suppress(NotFound):  # the check of the pool reports it
            facts = await sessions.plane(region).function(f"Lambda function {function} in {sessions.place(region)}",
                                                          {"FunctionName": function, "Qualifier": alias})
            if facts.reserved is not None:
                found[function] = facts.reserved
    return found


async def versions(sessions: AwsSessions, region: str, pools: Sequence[PoolPolicy]) -> list[Finding]:
    """Return the aliases that point to one version: AWS accepts provisioned concurrency for one alias of a version only."""
    functions: dict[str, list[PoolPolicy]] = {}
    for pool in pools:
        functions.setdefault(_function(pool), []).append(pool)
    findings = []
    for function, members in functions.items():
        of_version: dict[str, list[str]] = {}
        for name in [str(pool.lever.model_dump()["alias"]) for pool in members] if len(members) > 1 else []:
            resource = f"Lambda alias {function}:{name} in {sessions.place(region)}"
            with suppress(AdapterError):  # the check of the pool reports it
                asked = {"FunctionName": function, "Name": name}
                alias = await sessions.plane(region).read("get_alias", resource, asked, Alias.of)
                of_version.setdefault(alias.version, []).append(name)
        for version, names in of_version.items():
            text = f"the aliases {' and '.join(names)} point to version {version}; {ONE_ALIAS}"
            findings += [Finding("version", function, Verdict.FAIL, text, OTHER_VERSION)] if len(names) > 1 else []
    return findings


def _function(pool: PoolPolicy) -> str:
    return str(pool.lever.model_dump()["function"])
