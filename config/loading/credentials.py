"""The key `credentials` of a pool: whether anything about the pool uses it, and whether the role fits the region."""

from config.loading.report import Path, Report
from config.loading.wording import shown
from config.model.credentials import Cloud, partition_of
from config.model.policy import PoolPolicy

CREDENTIALS = "credentials"
NAMES: dict[Cloud, tuple[str, str]] = {"aws": ("role_arn", "AWS"), "google": ("impersonate", "Google Cloud")}
"""The key of each cloud, and its name."""


def report_credentials(report: Report, index: int, pool: PoolPolicy) -> None:
    """Report a key of the credentials of pool number `index` that nothing about the pool uses, and a role of another partition.

    Defaults may be for other pools, so that unused ones are not reported.
    """
    if pool.credentials is None:
        return
    path: Path = ("pools", index, CREDENTIALS)
    own = report.reach(path) is not None
    clouds = clouds_of(pool)
    for cloud, (key, name) in NAMES.items():
        if own and getattr(pool.credentials, key) is not None and cloud not in clouds:
            report.note_at((*path, key), f"nothing about this pool calls {name}: remove {key}, or correct the lever")
    region = getattr(pool.lever, "region", None)
    if "aws" not in clouds or pool.credentials.role_arn is None or region is None:
        return
    partition, given = partition_of(str(region)), pool.credentials.role_arn.split(":")[1]
    if partition != given:
        at: Path = (*(path if own else ("defaults", CREDENTIALS)), "role_arn")
        report.note_at(at, f"{shown(pool.credentials.role_arn)} is in the partition {given}, and the region {region} of pool "
                           f"{pool.name} in {partition}: name a role of an account in {partition}")


def clouds_of(pool: PoolPolicy) -> set[Cloud]:
    """Return the clouds that calls about the pool go to: those of its levers, its demand source and its leads."""
    demands = [pool.demand, None if pool.demand is None else pool.demand.hindsight, *(lead.source for lead in pool.leads)]
    settings = [each for each in (pool.lever, pool.top, *demands) if each is not None]
    return {each.cloud for each in settings if each.cloud is not None}
