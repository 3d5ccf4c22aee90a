"""Which limit of AWS bounds the units of an alias: the function's own reserved concurrency, or what the account has left."""

from adapters.aws.lambda_.control_plane import Account
from adapters.ports.errors import Limit

ACCOUNT_REMEDY = ("lower the max of this or of another pool, reserve less for other functions, or request a higher quota "
                  "L-B99A9384 (Lambda concurrent executions)")


def of_function(function: str, reserved: int, others: int) -> tuple[int, Limit]:
    """The most units of an alias of `function`. `others`: provisioned concurrency known of its other aliases.

    Provisioned concurrency of a function with reserved concurrency is taken from that, and from nothing else.
    """
    taken = f", of which its other aliases have {others}" if others else ""
    return max(0, reserved - others), Limit(
        "reserved-concurrency", f"{function} has {reserved} units of reserved concurrency{taken}",
        "raise the function's reserved concurrency, or lower the pool's max")


def of_account(region: str, account: Account, floor: int, requested: int) -> Limit:
    """The account's, of which `floor` units must stay unreserved. `requested`: what the alias has already."""
    whole = "" if account.limit is None else f" of {account.limit}"
    stays = f", of which {floor} must stay" if floor else ""
    has = f"; {requested} are requested here" if requested else ""
    text = f"{account.unreserved}{whole} units of the account's concurrency in {region} are not reserved{stays}{has}"
    return Limit("account-concurrency", text, ACCOUNT_REMEDY)


def of_pings(share: float, whole: int, limit: Limit) -> tuple[int, Limit]:
    """The most units that pings may hold: `share` of the `whole` that `limit` is about; the rest is for users."""
    return int(whole * share), Limit(limit.name, f"{limit.text}, and pings may hold {share:.0%} of {whole}", limit.remedy)
