"""Regions and partitions of AWS, by the list that comes with the AWS library. Nothing is called."""

import re
from difflib import get_close_matches
from functools import cache

import botocore

from adapters.aws.library_sessions import MODELS


@cache
def partitions() -> dict[str, str]:
    """Return region -> partition, such as `aws`, `aws-cn` or `aws-us-gov`."""
    listed = MODELS.load_data("endpoints")["partitions"]
    return {region: str(each["partition"]) for each in listed for region in each["regions"]}


def unlisted(region: str) -> str | None:
    """Return why a region is in doubt: the library does not list it. With the closest names; None for a listed one."""
    if region in partitions():
        return None
    close = get_close_matches(region, partitions(), 3)
    plain = re.sub(r"\d+$", "", region)
    same = sorted(name for name in partitions() if re.sub(r"\d+$", "", name) == plain)
    meant = same or close
    which = f"; similar: {', '.join(meant)}" if meant else ""
    return f"{region} is not a region in the list of the AWS library (botocore {botocore.__version__}){which}"


def other_partition(region: str, arn: str) -> str | None:
    """Return that a resource is of another partition than a region, which cannot work; None if not, or for an unlisted region."""
    here, there = partitions().get(region), arn.split(":")[1]
    if here is None or here == there:
        return None
    return f"{region} is in the partition {here}, {arn} in {there}: no credentials work in both"
