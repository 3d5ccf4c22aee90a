"""The list of regions that comes with the AWS library."""

import pytest

from adapters.aws.regions import other_partition, partitions, unlisted


@pytest.mark.parametrize(("region", "partition"), [
    ("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")])
def test_each_partition_has_its_regions(region, partition):
    assert partitions()[region] == partition
    assert unlisted(region) is None


@pytest.mark.parametrize(("region", "similar"), [
    ("us-east-11", "similar: us-east-1, us-east-2"), ("eu-wets-1", "eu-west-1"), ("xx-yy-9", "botocore")])
def test_another_region_is_named_with_similar_ones(region, similar):
    text = unlisted(region)

    assert text is not None
    assert text.startswith(f"{region} is not a region in the list of the AWS library (botocore ")
    assert similar in text


def test_a_role_of_another_partition_is_named():
    role = "arn:aws-cn:iam::111122223333:role/stoker"

    assert other_partition("cn-north-1", role) is None
    assert other_partition("us-east-1", role) == (
        f"us-east-1 is in the partition aws, {role} in aws-cn: no credentials work in both")
    assert other_partition("xx-yy-9", role) is None
