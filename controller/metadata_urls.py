"""Warns of a policy that has Stoker send requests to the metadata service of its own machine."""

from collections.abc import Iterator, Mapping

from config.metadata_address import leads_to_metadata
from config.policy import Policy

WHAT = "leads to a link-local address or a cloud's metadata service, which gives out the credentials of this machine"
REMEDY = "give the address of the application or the receiver"


def metadata_urls(policy: Policy, environment: Mapping[str, str]) -> Iterator[str]:
    """Return which URLs of the policy lead there, by their place. Of `url_env`, the value in `environment` counts."""
    for pool in policy.pools:
        for key, value in pool.lever.model_dump().items():
            if isinstance(value, str) and "://" in value and leads_to_metadata(value):
                yield f"{key} of pool {pool.name}"
    for sink in policy.notify:
        if leads_to_metadata(sink.url if sink.url is not None else environment.get(sink.url_env or "", "")):
            yield f"{'url' if sink.url is not None else sink.url_env} of notify sink {sink.name}"


def metadata_warnings(policy: Policy, environment: Mapping[str, str]) -> list[str]:
    """Return a line for each such URL."""
    return [f"{place} {WHAT}: {REMEDY}" for place in metadata_urls(policy, environment)]
