"""Accounts of the AWS organization of the daemon's own identity, which must be in its management or a delegated account."""

from adapters.aws.clients import Answer
from adapters.aws.errors import ApiCall
from adapters.aws.paging import all_pages
from adapters.aws.sessions import AwsSessions
from adapters.ports.discovery import Member


async def members(sessions: AwsSessions, region: str) -> list[Member]:
    """Return the active accounts. Raise `AdapterError`; an incomplete list is never returned."""
    connections = sessions.connections(region)
    own = await connections.call(ApiCall("sts", "get_caller_identity", "the daemon's own AWS account"), {}, _account)
    call = ApiCall("organizations", "list_accounts", "the AWS organization")

    def active(answer: Answer) -> list[Member]:
        return [Member(str(each["Id"]), str(each.get("Name", "")), str(each["Id"]) == own) for each in answer["Accounts"]
                if each.get("State", each.get("Status")) == "ACTIVE"]

    return await all_pages(lambda parameters, digest: connections.call(call, parameters, digest), {}, active)


def _account(answer: Answer) -> str:
    return str(answer["Account"])
