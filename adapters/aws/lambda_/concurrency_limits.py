"""Limits on the units of an alias: the function's reserved concurrency, or the account's unreserved concurrency."""

from adapters.aws.lambda_.control_plane import Account
from adapters.ports.errors import Limit

ACCOUNT_REMEDY = ("lower the max of this or of another pool, reserve less for other functions, or request a higher quota "
                  "L-B99A9384 (Lambda concurrent executions)")


def of_function(function: str, reserved: int, others: int) -> tuple[int, Limit]:
    """Return the maximum units of an alias of `function`, and the limit. `others`: known provisioned concurrency of its other
    aliases.

    AWS takes provisioned concurrency of a function with reserved concurrency from that reservation only.
    """
    taken = f", of which its other aliases have {others}" if others else ""
    return max(0, reserved - others), Limit(
        "reserved-concurrency", f"{function} has {reserved} units of reserved concurrency{taken}",
        "raise the function's reserved concurrency, or lower the pool's max")


def of_account(region: str, account: Account, floor: int, requested: int) -> Limit:
    """Return the account's limit. `floor`: units that must stay unreserved. `requested`: units that the alias has requested."""
    whole = "" if account.limit is None else f" of {account.limit}"
    stays = f", of which {floor} must stay" if floor else ""
    has = f"; {requested} are requested by this alias" if requested else ""
    text = f"{account.unreserved}{whole} units of the account's concurrency in {region} are not reserved{stays}{has}"
    return Limit("account-concurrency", text, ACCOUNT_REMEDY)


def of_pings(share: float, whole: int, limit: Limit) -> tuple[int, Limit]:
    """Return the maximum units that pings may hold, and the limit: a `share` of the `whole` units of `limit`. The rest serves
    users.
    """
    return int(whole * share), Limit(limit.name, f"{limit.text}, and pings may hold {share:.0%} of {whole}", limit.remedy)
