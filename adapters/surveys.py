"""Surveys of several places and accounts. A place that cannot be read is reported, and the others are listed."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from adapters.ports.discovery import Member, Skipped, Survey, Where
from adapters.ports.errors import AdapterError
from config.model.credentials import Credentials

AT_ONCE = 8
"""Places that are surveyed at once."""


class Surveyor(Protocol):
    """Reader of resources; `adapters.registry.Registry` implements it."""

    async def survey(self, where: Where, credentials: Credentials | None = None) -> Survey:
        """Return the resources at `where`, read with `credentials`."""

    async def members(self, region: str) -> Sequence[Member]:
        """Return the active accounts of the AWS organization."""


@dataclass(frozen=True, slots=True)
class Target:
    """A place, the credentials to read it with, and the name of the account, as display text. `optional`: a failure is reported
    beside what is found elsewhere.
    """

    where: Where
    credentials: Credentials | None = None
    account: str = ""
    optional: bool = False

    @property
    def title(self) -> str:
        """Return the target as the subject of a message."""
        number = "" if self.credentials is None else self.credentials.account or ""
        account = " ".join(filter(None, (number, self.account and f"({self.account})")))
        return f"{'account ' if account else ''}{account}{' in ' if account else ''}{' '.join(self.where.values())}"


def in_roles(places: Sequence[Where], roles: Sequence[str], external_id: str | None) -> list[Target]:
    """Return each place in the account of each role. Raise `ValueError` for a role that is not valid."""
    credentials = [Credentials(role_arn=role, external_id=external_id) for role in roles]
    return [Target(where, each, optional=True) for each in credentials for where in places]


def in_members(places: Sequence[Where], members: Sequence[Member], role: str, external_id: str | None,
               partition: str) -> list[Target]:
    """Return each place in each account of an organization: in the daemon's own with its own identity, in others with a role.

    In `role`, its name, `{account}` stands for the number of the account. Raise `ValueError` for a name that is not valid.
    """
    found: list[Target] = []
    for each in members:
        arn = f"arn:{partition}:iam::{each.account}:role/{role.replace('{account}', each.account)}"
        credentials = None if each.own else Credentials(role_arn=arn, external_id=external_id)
        found += [Target(where, credentials, each.name, optional=True) for where in places]
    return found


async def surveys(surveyor: Surveyor, targets: Sequence[Target]) -> list[Survey]:
    """Return the survey of each target. Raise `AdapterError` for one that cannot be read and is not optional."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(target: Target) -> Survey:
        async with slots:
            try:
                return await surveyor.survey(target.where, target.credentials)
            except AdapterError as error:
                if not target.optional:
                    raise
                return Survey((), (Skipped(target.title, str(error)),))

    return await asyncio.gather(*(one(target) for target in targets))
