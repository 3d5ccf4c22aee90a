"""Warnings about URLs in a policy that lead to the metadata service of this machine."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pydantic import BaseModel

from config.loading.metadata_address import leads_to_metadata
from config.model.policy import Policy

WHAT = "leads to a link-local address or a cloud's metadata service, which gives out the credentials of this machine"
REMEDY = "give the address of the application or the receiver"


class Leading(NamedTuple):
    """A URL of the policy that leads to a metadata service: the path of its value, and its name."""

    path: tuple[str | int, ...]
    name: str


def metadata_urls(policy: Policy, environment: Mapping[str, str]) -> Iterator[Leading]:
    """Yield the URLs of the policy that lead to a metadata service. `url_env` is resolved with `environment`."""
    for index, pool in enumerate(policy.pools):
        parts: dict[tuple[str | int, ...], BaseModel | None] = {
            ("lever",): pool.lever, ("top",): pool.top, ("demand",): pool.demand,
            **{("leads", at): lead.source for at, lead in enumerate(pool.leads)},
        }
        for part, settings in parts.items():
            for key, value in ({} if settings is None else settings.model_dump()).items():
                if isinstance(value, str) and "://" in value and leads_to_metadata(value):
                    yield Leading(("pools", index, *part, key), f"{key} of pool {pool.name}")
    for index, sink in enumerate(policy.notify):
        if leads_to_metadata(sink.url if sink.url is not None else environment.get(sink.url_env or "", "")):
            key = "url" if sink.url is not None else "url_env"
            yield Leading(("notify", index, key), f"{sink.url_env if sink.url is None else key} of notify sink {sink.name}")
