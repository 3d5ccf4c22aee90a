"""Settings of a lease, and the messages for mistakes in them."""

import pytest

from adapters.kinds import policy_kinds
from config.loading.loader import PolicyError, parse_policy
from config.model.lease import DynamoLeaseSettings, SqliteLeaseSettings

POOLS = """version: 1
pools:
  - name: a
    lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: f, alias: live}
    max: 5
"""


def parsed(lease):
    return parse_policy(f"{POOLS}lease: {lease}\n", policy_kinds()).lease


def test_each_kind_has_its_own_keys_and_defaults():
    file, table = parsed("{kind: sqlite, path: /run/lease.db}"), parsed("{kind: dynamodb, region: us-east-1, table: our-lease}")

    assert (file, table) == (SqliteLeaseSettings(kind="sqlite", path="/run/lease.db"),
                             DynamoLeaseSettings(kind="dynamodb", region="us-east-1", table="our-lease"))
    assert (file.ttl.total_seconds(), file.on_store_away) == (30, "hold")


def test_the_default_is_no_lease():
    assert parse_policy(POOLS, policy_kinds()).lease is None


@pytest.mark.parametrize(("lease", "message"), [
    ("{kind: sqlite}", "path"),
    ("{kind: file, path: x}", "unknown lease kind 'file'"),
    ("{kind: sqlite, path: x, ttl: 5s}", "5s is not from 24s to 1m30s"),
    ("{kind: sqlite, path: x, on_store_away: release}", "on_store_away"),
    ("{kind: dynamodb, region: us-east-1, table: t, path: x}", "unknown key 'path'"),
    ("5", "is not a lease: write a mapping with kind"),
    ("{path: x}", "the key kind is missing: one of sqlite, dynamodb"),
])
def test_an_invalid_lease_is_reported_by_its_key(lease, message):
    with pytest.raises(PolicyError) as wrong:
        parsed(lease)

    assert message in str(wrong.value), wrong.value
